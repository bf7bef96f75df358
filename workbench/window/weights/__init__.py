"""Weights in use, and one's own image."""
