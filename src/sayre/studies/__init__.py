"""Figures and tables of Masto's thesis, each made from data to picture by one call."""
