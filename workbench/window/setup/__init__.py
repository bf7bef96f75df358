"""What to run: presets, hyperparameters, data, device."""
