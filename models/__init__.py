"""Architectures: data plus builders that return Keras models. Pure Keras; no files, no devices."""
