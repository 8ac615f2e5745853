"""Figures 4.8 to 4.12: a particle, windows cut from the patterns of such, and the network that fills them."""
