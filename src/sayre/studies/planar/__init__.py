"""Studies of 2D patterns, section 4.3 of the thesis."""
