"""Strained crystals of voxels, cheap to draw: for training phase retrieval, and its test set."""
