"""Crystals as lists of atoms: shapes, lattices, defects, relaxation."""
