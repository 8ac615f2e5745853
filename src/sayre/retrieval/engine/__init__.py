"""Iterations from starts to runs: amplitude bounds, algorithms, support, recipes; on one device."""
