"""How to run it: networks, optimizers, steps, training, evaluation. Knows no Qt and no library."""
