"""One step of an optimiser, in place on flat arrays."""

from typing import Any

from nets.backends.reference.base import Array, BaseOps


class OptimizationOps(BaseOps):
    """Update rules; every array has the shape of the parameters."""

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
        """Change ``w`` and ``velocity``: g' = g + c w; v = m v + g'; w -= lr v, or lr (g' + m v) for Nesterov's."""
        if weight_decay:
            grad = grad + weight_decay * w
        if velocity is None:
            w -= lr * grad
            return
        velocity *= momentum
        velocity += grad
        w -= lr * (grad + momentum * velocity if nesterov else velocity)

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
        """Change ``w``, ``square`` and ``velocity``.

        s = a s + (1 - a) g^2; u = g / (sqrt(s) + eps); v = m v + u; w -= lr v.
        """
        if weight_decay:
            grad = grad + weight_decay * w
        square *= alpha
        square += (1 - alpha) * grad * grad
        update = grad / (self.xp.sqrt(square) + eps)
        if velocity is not None:
            velocity *= momentum
            velocity += update
            update = velocity
        w -= lr * update

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
        """Change ``w``, ``m`` and ``v``.

        m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= lr (m / c1) / (sqrt(v / c2) + eps), where
        c = 1 - b^t is the correction of the bias towards the zeros that m and v start from. Weight decay c w is
        added to the gradient (Adam) or subtracted from the weight, lr c w, before (AdamW, ``decoupled``).
        """
        if weight_decay and decoupled:
            w *= 1 - lr * weight_decay
        elif weight_decay:
            grad = grad + weight_decay * w
        m += (1 - beta1) * (grad - m)
        v *= beta2
        v += (1 - beta2) * grad * grad
        w -= (lr / correction1) * m / (self.xp.sqrt(v / correction2) + eps)

    def ema_step(self, average: Array, w: Array, decay: float) -> None:
        """Change ``average``: a += (1 - d) (w - a)."""
        average += (1 - decay) * (w - average)

    def square_sum(self, x: Array) -> Any:
        """Return the sum of squares, a number to add to others."""
        flat = x.ravel(order="K")  # as it lies in memory, without a copy
        return float(flat @ flat)
