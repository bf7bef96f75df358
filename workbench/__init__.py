"""CIFAR Workbench: run, watch, compare and keep image-classification experiments."""

__version__ = "0.1.0"
