"""Naive twins of the kernels: slow, obvious, and right."""
