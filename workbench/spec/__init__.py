"""What to run: hyperparameters and presets. Knows neither torch nor Qt."""
