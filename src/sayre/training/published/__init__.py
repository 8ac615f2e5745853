"""The published network: from counts to the phase of what was diffracted, both in reciprocal space."""
