"""Networks that fill gaps, and what they are fed."""
