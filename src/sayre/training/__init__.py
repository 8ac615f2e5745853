"""How networks are trained, whatever they learn: settings, optimiser, loop, curves.

Training needs packages that nothing else in Sayre does; where they are missing, importing this package
raises an `InputError` that says how to install them.
"""

from __future__ import annotations

from sayre.extras import optional

optional("lightning", extra="train", task="training")
