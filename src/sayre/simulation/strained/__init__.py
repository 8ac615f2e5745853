"""Strained crystals made of voxels, which are fast to draw: for training, and a test set."""
