"""Crystals as lists of atoms: their shapes, lattices, defects and relaxation."""
