"""A neural-network engine from scratch: NumPy for the mathematics, Numba for the hot loops, nothing else."""

from nets.tensor import Tensor
