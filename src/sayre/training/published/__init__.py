"""Training of the published network, which predicts the phase of the amplitude from the counts."""
