"""Training of the filling networks on windows that are drawn from patterns."""
