"""One script a claim; each prints a table, side by side with its peer, in one run."""
