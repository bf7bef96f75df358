"""Help: the glossary, what every plot is, shortcuts, and the first steps."""
