"""Phase retrieval: compute the object from diffracted counts, with or without gaps."""
