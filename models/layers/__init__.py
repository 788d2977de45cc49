"""Layers that Keras does not have; a file each for what belongs together."""
