"""What was run: run folders, their catalog, weight files. Knows no Qt."""
