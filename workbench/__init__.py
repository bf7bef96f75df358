"""CIFAR Workbench: run, watch, compare and keep image-classification experiments."""

from workbench import openmp as openmp  # what it sets must stand before torch is imported

__version__ = "0.1.0"
