"""Runs and weights, written as files for other programs. Free of Qt."""
