"""Inpainting: holes in photographs filled."""
