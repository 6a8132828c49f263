"""Initial weights, each with the argument for its scale.

A weighted sum of n inputs with variance v has variance n Var(w) v, so signals keep their size from layer to layer
when Var(w) = 1 / n, n counting the inputs (``fan_in``) on the way forward and the outputs (``fan_out``) on the way
back. The initialisers differ in which of the two they keep, and in what the activation does to it.

Every initialiser takes the shape of a weight, (outputs, inputs, *kernel), and a generator, and returns float64;
parameters convert it.

References
----------
.. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010,
   section 4.2.
.. [2] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2,
   doi:10.1109/ICCV.2015.123.
.. [3] M. Nielsen, *Neural Networks and Deep Learning*, 2015, chapter 3, "Weight initialization".
.. [4] A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
   neural networks", ICLR 2014, arXiv:1312.6120.
.. [5] Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.6, doi:10.1007/3-540-49430-8_2.
"""

import math
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from nets.errors import ArgumentError

Shape: TypeAlias = tuple[int, ...]
Initializer: TypeAlias = Callable[[Shape, np.random.Generator], npt.NDArray[np.float64]]


def fans(shape: Shape) -> tuple[int, int]:
    """Return the inputs of one output and the outputs of one input.

    >>> fans((16, 8, 3, 3))
    (72, 144)
    """
    if len(shape) < 2:
        raise ArgumentError(f"a weight needs at least two axes, (outputs, inputs, ...), got shape {shape}")
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def lecun_uniform(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """U(-a, a) with a = 1 / sqrt(fan_in): PyTorch's default for linear and convolutional layers, after [5]_."""
    bound = 1 / math.sqrt(fans(shape)[0])
    return generator.uniform(-bound, bound, shape)


def nielsen(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """N(0, 1 / fan_in), so that sigmoid neurons do not start saturated [3]_."""
    return generator.standard_normal(shape) / math.sqrt(fans(shape)[0])


def glorot_uniform(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """U(-a, a) with variance 2 / (fan_in + fan_out), a compromise between both directions [1]_, equation 16."""
    bound = math.sqrt(6 / math.fsum(fans(shape)))
    return generator.uniform(-bound, bound, shape)


def glorot_normal(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """N(0, 2 / (fan_in + fan_out)) [1]_."""
    return generator.standard_normal(shape) * math.sqrt(2 / math.fsum(fans(shape)))


def he_uniform(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """U(-a, a) with variance 2 / fan_in: a ReLU lets half of the variance through [2]_."""
    bound = math.sqrt(6 / fans(shape)[0])
    return generator.uniform(-bound, bound, shape)


def he_normal(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """N(0, 2 / fan_in) [2]_, equation 10."""
    return generator.standard_normal(shape) * math.sqrt(2 / fans(shape)[0])


def orthogonal(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a random matrix with orthonormal rows or columns, whichever are fewer [4]_.

    The signs of the QR decomposition are fixed, so that the matrix is uniform among the orthogonal ones.
    """
    fans(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape)


def zeros(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return zeros."""
    return np.zeros(shape)


def constant(value: float) -> Initializer:
    """Return an initialiser that fills a weight with one value."""
    return lambda shape, generator: np.full(shape, value, np.float64)


INITIALIZERS: Final[dict[str, Initializer]] = {
    "lecun_uniform": lecun_uniform,
    "nielsen": nielsen,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "orthogonal": orthogonal,
    "zeros": zeros,
}


def named(initializer: str | Initializer) -> Initializer:
    """Return an initialiser by name; a function is returned as it is."""
    if callable(initializer):
        return initializer
    if initializer not in INITIALIZERS:
        raise ArgumentError(f"init must be one of {', '.join(INITIALIZERS)}, or a function, got {initializer!r}")
    return INITIALIZERS[initializer]
