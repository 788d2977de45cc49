"""Super-resolution: photographs enlarged two, three or four times."""
