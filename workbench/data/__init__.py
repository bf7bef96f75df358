"""Where images come from: sources, download, decoding, cache, validation split."""
