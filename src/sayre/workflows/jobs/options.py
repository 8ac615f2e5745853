"""Options that several jobs share."""

from __future__ import annotations

from typing import Annotated

from sayre.data.option import Option
from sayre.numerics.device import DEVICES

Device = Annotated[
    str,
    Option(
        help="Where networks and phasing are computed: auto, cpu or cuda.", choices=DEVICES, metavar="NAME"
    ),
]
Force = Annotated[bool, Option(help="Overwrite what is there.")]
