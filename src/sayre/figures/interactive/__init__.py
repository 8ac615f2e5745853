"""Charts of a page: plain dictionaries of data and layout, as plotly takes them."""
