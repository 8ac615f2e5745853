"""Pictures of a particle, of windows cut from patterns, and of networks."""
