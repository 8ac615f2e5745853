"""Kinematic scattering: the sum over atoms, by NUFFT or directly, and the blur of the intensity."""
