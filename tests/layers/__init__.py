"""Layers, losses and nets as students and courses write them, right ones and wrong ones.

Every wrong one is a right one with one slip that people make.
"""

from layers import convolution, dense, losses, nets, normalisation, sequences
from layers.cases import RIGHT, WRONG, LayerCase

__all__ = ["RIGHT", "WRONG", "LayerCase", "convolution", "dense", "losses", "nets", "normalisation", "sequences"]
