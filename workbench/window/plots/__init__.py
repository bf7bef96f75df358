"""Plots of curves, their legends and their export."""
