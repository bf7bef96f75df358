"""Sweeps: what varies, and what they came to."""
