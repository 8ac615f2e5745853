"""Pictures of the studies, and what they share: a column of 3.4 inches, two of 7."""
