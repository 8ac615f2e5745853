"""Simulation of crystals and of the Bragg peaks that they scatter."""
