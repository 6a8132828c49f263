"""The fully connected layer, with its bias and activation in one operation."""

from nets.backends.reference.base import Array
from nets.backends.reference.pointwise import LEAK, PointwiseOps


class LinearOps(PointwiseOps):
    """z = x W^T + b, y = f(z), and backwards."""

    def linear(self, x: Array, weight: Array, bias: Array | None, activation: str = "identity") -> Array:
        """Return y = f(x W^T + b).

        Parameters
        ----------
        x : ndarray, shape (batch, inputs)
        weight : ndarray, shape (outputs, inputs)
        bias : ndarray, shape (outputs,), or None
        activation : str
            One of `nets.backends.reference.pointwise.FROM_OUTPUT`.

        Returns
        -------
        ndarray, shape (batch, outputs)
        """
        z = x @ weight.T
        if bias is not None:
            z += bias
        return self.activate(z, activation)

    def linear_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array,
        y: Array,
        activation: str = "identity",
        needs: tuple[bool, bool, bool] = (True, True, True),
        out: Array | None = None,
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dW and dL/db, those that are needed.

        With delta = dL/dy f'(z) (Nielsen, BP1): dL/db = sum over the batch of delta (BP3), dL/dW = delta^T x (BP4),
        and dL/dx = delta W, which the layer below multiplies by its own f' (BP2). ``out`` is memory that
        dL/dW may be written to.
        """
        delta = self.activate_backward(grad, None, y, activation, LEAK)
        return (
            delta @ weight if needs[0] else None,
            delta.T @ x if needs[1] else None,
            delta.sum(0) if needs[2] else None,
        )
