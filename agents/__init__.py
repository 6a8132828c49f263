"""Players of 2048 and how they learn."""
