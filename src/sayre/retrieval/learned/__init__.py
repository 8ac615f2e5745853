"""Starts of phase retrieval that trained networks predict."""
