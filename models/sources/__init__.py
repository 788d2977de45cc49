"""Weights from elsewhere: what Keras, torchvision and timm call each of our layers.

Our names are those of the papers and of each other; nothing in the networks knows of this package.
"""
