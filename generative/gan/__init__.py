"""Two networks against each other: one draws, one tells drawings from real images."""
