"""Layers, losses and nets as courses have them; every wrong one is a right one with a slip that people make."""

from layers import convolution, dense, losses, nets, normalisation, sequences
from layers.cases import RIGHT, WRONG, LayerCase

__all__ = ["RIGHT", "WRONG", "LayerCase", "convolution", "dense", "losses", "nets", "normalisation", "sequences"]
