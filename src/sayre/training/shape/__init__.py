"""The crystal's shape from the autocorrelation of its counts, by a network: supports to start from."""
