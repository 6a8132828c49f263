"""`nets` side by side with PyTorch; `benchmarks.nets.__main__` says what is measured, and how."""
