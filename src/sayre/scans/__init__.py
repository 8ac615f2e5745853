"""Raw scans as beamlines write them: one file a layout, behind the protocol `sayre.scans.protocol.Reader`.

A reader tells whether a file is of its layout, lists its scans, and describes one of them: what moved, what
the file states of the geometry with the source of every number, and how the frames are read. What all scans
share is done once: the even grid of angles, missing frames, the peak, corrections of the detector.

Another package adds a reader by an entry point of the group `sayre.scans`.
"""

from sayre.scans.around import region_around_peak
from sayre.scans.loading import load, load_filled, opened

__all__ = ["load", "load_filled", "opened", "region_around_peak"]
