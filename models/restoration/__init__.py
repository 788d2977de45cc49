"""Networks that restore an image: a file a paper, variants as rows of its table."""
