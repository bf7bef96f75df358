"""A data set to look at before anything is trained on it."""
