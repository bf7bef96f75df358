"""The window: shows, and decides nothing about training or files."""
