"""Networks that tell what is in a picture; each file is one family of the literature."""
