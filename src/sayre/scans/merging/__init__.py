"""Several scans of one peak into one: registered, scaled, compared and summed."""
