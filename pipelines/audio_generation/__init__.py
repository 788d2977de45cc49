"""Sound from a network: sample by sample, faster than it is played."""
