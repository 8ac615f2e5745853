"""Training of the 2D networks of Table 4.1 of Masto's thesis."""
