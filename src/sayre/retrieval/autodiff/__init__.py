"""Phase retrieval by automatic differentiation: a model of the object, a misfit, priors, an optimiser."""
