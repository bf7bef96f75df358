"""How to run it: data, networks, training, evaluation. Knows no Qt and no library."""
