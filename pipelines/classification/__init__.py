"""What is in the picture: labels and scores."""
