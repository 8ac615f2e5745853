"""Jobs that train networks, and the registration of trained weights."""
