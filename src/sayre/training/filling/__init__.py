"""How the filling networks are trained: windows drawn from patterns, losses, optimiser, the run."""
