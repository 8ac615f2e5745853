"""Selecting, aligning and averaging the runs of phase retrieval."""
