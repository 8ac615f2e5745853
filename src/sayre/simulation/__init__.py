"""Simulated crystals and the patterns they scatter."""
