"""Filling of unmeasured voxels: classical methods, networks, training."""
