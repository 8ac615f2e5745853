"""Phase retrieval by automatic differentiation: a model of the object, a loss, priors and an optimiser."""
