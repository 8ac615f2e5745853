"""Training of the networks: settings, optimiser, loop and curves that all of them share.

Training needs packages that nothing else in Sayre needs. Where they are not installed, importing this package
raises an `InputError` that states how to install them.
"""

from __future__ import annotations

from sayre.extras import optional

optional("lightning", extra="train", task="training")
