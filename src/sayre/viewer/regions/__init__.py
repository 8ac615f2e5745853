"""What is drawn on slices: shapes, the mask that they make, and the region that they bound."""
