"""Figures of the concept pages, one module a page: what is computed, and how it is drawn."""
