"""Activations, one number at a time.

Those in `FROM_OUTPUT` have a derivative that their output y tells, so the input need not be kept:

==============  =====================  ==========================
name            y                      dy/dz
==============  =====================  ==========================
``identity``    z                      1
``relu``        max(z, 0)              1 if y > 0 else 0
``leaky_relu``  z if z > 0 else a z    1 if y > 0 else a
``sigmoid``     1 / (1 + exp(-z))      y (1 - y)
``tanh``        tanh z                 1 - y^2
==============  =====================  ==========================

The others keep z:

==============  ============================================  ===============================================
name            y                                             dy/dz
==============  ============================================  ===============================================
``silu``        z s(z), s the sigmoid                         s(z) (1 + z (1 - s(z)))
``gelu``        z P(z), P the normal distribution function    P(z) + z p(z), p the normal density
``gelu_tanh``   z (1 + tanh u) / 2, u = c (z + 0.044715 z^3)  (1 + tanh u) / 2 + z (1 - tanh^2 u) u' / 2
``softplus``    log(1 + exp z)                                s(z)
==============  ============================================  ===============================================
"""

import math
from typing import Final

from nets.backends.reference.base import Array, BaseOps

FROM_OUTPUT: Final = ("identity", "relu", "leaky_relu", "sigmoid", "tanh")
FROM_INPUT: Final = ("silu", "gelu", "gelu_tanh", "softplus")
LEAK: Final = 0.01
"""Slope of the leaky ReLU below 0, where none is given."""
C: Final = math.sqrt(2 / math.pi)


class PointwiseOps(BaseOps):
    """Activations and their derivatives."""

    def activate(self, z: Array, name: str, slope: float = LEAK) -> Array:
        """Return y = f(z) for an activation of `FROM_OUTPUT` or `FROM_INPUT`, in the memory layout of z."""
        xp = self.xp
        match name:
            case "identity":
                return z
            case "relu":
                return xp.maximum(z, 0)
            case "leaky_relu":
                return xp.where(z > 0, z, slope * z)
            case "sigmoid":
                return self._sigmoid(z)
            case "tanh":
                return xp.tanh(z)
            case "silu":
                return z * self._sigmoid(z)
            case "gelu":
                return z * self._normal_cdf(z)
            case "gelu_tanh":
                return 0.5 * z * (1 + xp.tanh(C * (z + 0.044715 * z**3)))
            case "softplus":
                return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))
        raise AssertionError(name)

    def activate_backward(self, grad: Array, z: Array, y: Array, name: str, slope: float = LEAK) -> Array:
        """Return delta = dL/dz = dL/dy f'(z); ``z`` may be None for an activation of `FROM_OUTPUT`."""
        xp = self.xp
        match name:
            case "identity":
                return grad
            case "relu":
                return xp.where(y > 0, grad, 0)
            case "leaky_relu":
                return xp.where(y > 0, grad, slope * grad)
            case "sigmoid":
                return grad * (y * (1 - y))
            case "tanh":
                return grad * (1 - y * y)
            case "silu":
                s = self._sigmoid(z)
                return grad * (s + y * (1 - s))
            case "gelu":
                return grad * (self._normal_cdf(z) + z * xp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))
            case "gelu_tanh":
                t = xp.tanh(C * (z + 0.044715 * z**3))
                return grad * (0.5 * (1 + t) + 0.5 * z * (1 - t * t) * C * (1 + 3 * 0.044715 * z * z))
            case "softplus":
                return grad * self._sigmoid(z)
        raise AssertionError(name)

    def _sigmoid(self, z: Array) -> Array:
        """Return 1 / (1 + exp(-z)), which is (1 + tanh(z / 2)) / 2 and cannot overflow."""
        return 0.5 * (1 + self.xp.tanh(0.5 * z))

    def _normal_cdf(self, z: Array) -> Array:
        return 0.5 * (1 + self._erf(z / math.sqrt(2)))

    def _erf(self, x: Array) -> Array:
        """Return the error function; NumPy has none, so it is taken from the C library, one number at a time."""
        flat = [math.erf(value) for value in x.ravel().tolist()]
        return self.xp.asarray(flat, x.dtype).reshape(x.shape)
