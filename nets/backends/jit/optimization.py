"""One step of an optimiser in one pass over memory, which is all that it costs."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import kernel
from nets.backends.reference.optimization import OptimizationOps

Array = npt.NDArray[Any]


@kernel
def sgd_kernel(w: Array, grad: Array, velocity: Array, lr: Any, momentum: Any, nesterov: bool, decay: Any) -> None:
    """Change w and velocity; see `OptimizationOps.sgd_step`."""
    for i in range(w.size):
        g = grad[i] + decay * w[i]
        v = momentum * velocity[i] + g
        velocity[i] = v
        w[i] -= lr * (g + momentum * v if nesterov else v)


@kernel
def plain_sgd_kernel(w: Array, grad: Array, lr: Any, decay: Any) -> None:
    """Change w; see `OptimizationOps.sgd_step`."""
    for i in range(w.size):
        w[i] -= lr * (grad[i] + decay * w[i])


@kernel
def rmsprop_kernel(
    w: Array, grad: Array, square: Array, velocity: Array, lr: Any, alpha: Any, eps: Any, momentum: Any, decay: Any
) -> None:
    """Change w, square and velocity; without momentum, ``velocity`` is empty. See `OptimizationOps.rmsprop_step`."""
    one = w.dtype.type(1)
    for i in range(w.size):
        g = grad[i] + decay * w[i]
        s = alpha * square[i] + (one - alpha) * g * g
        square[i] = s
        update = g / (np.sqrt(s) + eps)
        if velocity.size:
            update += momentum * velocity[i]
            velocity[i] = update
        w[i] -= lr * update


@kernel
def adam_kernel(
    w: Array,
    grad: Array,
    m: Array,
    v: Array,
    rate: Any,
    beta1: Any,
    beta2: Any,
    eps: Any,
    root: Any,
    decay: Any,
    shrink: Any,
) -> None:
    """Change w, m and v: ``rate`` = lr / c1, ``root`` = 1 / sqrt(c2), ``shrink`` = 1 - lr c for AdamW, else 1."""
    zero, one, tiny = w.dtype.type(0), w.dtype.type(1), w.dtype.type(1e-36)
    for i in range(w.size):
        g = grad[i] + decay * w[i]
        m_i = m[i] + (one - beta1) * (g - m[i])
        v_i = beta2 * v[i] + (one - beta2) * g * g
        # Means of a gradient that stays 0 would decay into denormal numbers, which take the processor twice as long.
        m_i = zero if abs(m_i) < tiny else m_i
        v_i = zero if v_i < tiny else v_i
        m[i], v[i] = m_i, v_i
        w[i] = shrink * w[i] - rate * m_i / (np.sqrt(v_i) * root + eps)


@kernel
def ema_kernel(average: Array, w: Array, rest: Any) -> None:
    """Change average: a += rest (w - a)."""
    for i in range(w.size):
        average[i] += rest * (w[i] - average[i])


class JitOptimizationOps(OptimizationOps):
    """`OptimizationOps` by kernels."""

    def sgd_step(
        self,
        w: Array,
        grad: Array,
        velocity: Array | None,
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        """Change ``w`` and ``velocity``."""
        number = w.dtype.type
        if velocity is None:
            plain_sgd_kernel(w, grad, number(lr), number(weight_decay))
        else:
            sgd_kernel(w, grad, velocity, number(lr), number(momentum), nesterov, number(weight_decay))

    def rmsprop_step(
        self,
        w: Array,
        grad: Array,
        square: Array,
        velocity: Array | None,
        lr: float,
        alpha: float,
        eps: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        """Change ``w``, ``square`` and ``velocity``."""
        number = w.dtype.type
        kept = w[:0] if velocity is None else velocity
        settings = (number(lr), number(alpha), number(eps), number(momentum), number(weight_decay))
        rmsprop_kernel(w, grad, square, kept, *settings)

    def adam_step(
        self,
        w: Array,
        grad: Array,
        m: Array,
        v: Array,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        correction1: float,
        correction2: float,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        """Change ``w``, ``m`` and ``v``."""
        number = w.dtype.type
        adam_kernel(
            w,
            grad,
            m,
            v,
            number(lr / correction1),
            number(beta1),
            number(beta2),
            number(eps),
            number(correction2**-0.5),
            number(0 if decoupled else weight_decay),
            number(1 - lr * weight_decay if decoupled else 1),
        )

    def ema_step(self, average: Array, w: Array, decay: float) -> None:
        """Change ``average``."""
        ema_kernel(average, w, w.dtype.type(1 - decay))
