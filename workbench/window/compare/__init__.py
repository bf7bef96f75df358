"""Several runs side by side, and the report's experiments."""
