"""Architectures: data plus builders that return Keras models. Pure Keras; knows no files or devices."""
