"""Networks that generate: a file a paper, variants as rows of its table."""
