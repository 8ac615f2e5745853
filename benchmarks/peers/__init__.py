"""Phase retrieval programs behind one protocol: each a module that runs as `python -m peers.NAME IN OUT …`.

`peers.protocol` states what goes in and comes out. Only `peers.sayre`, `peers.cases` and `peers.scores`
import Sayre; the others run in an interpreter that has the peers.
"""
