"""The iterative engine: amplitude bounds, algorithms, supports and recipes, on a CPU or a GPU."""
