"""Studies of chapter 5: phases that a network begins, iterations refine, or gradients fit."""
