"""Of finished runs: alignment, which to believe, what they have in common, how well they resolve."""
