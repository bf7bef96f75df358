"""What any window needs: theme, translation, settings, tables, focus. Knows no run."""
