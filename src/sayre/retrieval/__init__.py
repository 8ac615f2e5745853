"""Phase retrieval: from filled or gapped counts to the object."""
