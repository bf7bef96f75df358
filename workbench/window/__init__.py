"""The window. Its top opens and wires; what a person sees is in the folders."""
