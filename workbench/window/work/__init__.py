"""Threads: where the window's work is done."""
