"""Jobs that simulate peaks and data sets of them."""
