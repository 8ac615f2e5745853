"""Kinematic scattering: the sum over atoms, by NUFFT or directly, and what blurs it."""
