"""Training of the network that predicts the shape of a crystal, from which supports are made."""
