"""How networks are trained, whatever they learn: settings, optimiser, loop, curves."""
