"""Bags of embeddings: sums of rows of a table, the product of a matrix with vectors of few ones."""

from nets.backends.reference.base import Array
from nets.backends.reference.pointwise import LEAK, PointwiseOps


class EmbeddingOps(PointwiseOps):
    """y_i = f(sum_k W[index_ik] + b), and backwards."""

    def embedding_bag(self, indices: Array, weight: Array, bias: Array | None, activation: str = "identity") -> Array:
        """Return the sum of some rows of a table for each bag, plus b, activated.

        Parameters
        ----------
        indices : ndarray of int, shape (bags, size)
            In [0, rows).
        weight : ndarray, shape (rows, width)
        bias : ndarray, shape (width,), or None
        activation : str
            One of `nets.backends.reference.pointwise.FROM_OUTPUT`.

        Returns
        -------
        ndarray, shape (bags, width)
        """
        z = weight[indices].sum(1)
        if bias is not None:
            z += bias
        return self.activate(z, activation)

    def embedding_bag_backward(
        self,
        grad: Array,
        indices: Array,
        weight: Array,
        y: Array,
        activation: str = "identity",
        out: Array | None = None,
    ) -> tuple[Array, Array]:
        """Return dL/dW and dL/db.

        With delta = dL/dy f'(z): dL/db = sum over the bags of delta, and a row of dL/dW is the sum of the deltas of
        the bags that it is in, as often as it is in them. ``out`` is memory that dL/dW may be written to.
        """
        delta = self.activate_backward(grad, None, y, activation, LEAK)
        gradient = self.xp.zeros_like(weight)
        self.scatter_add(gradient, indices, delta[:, None].repeat(indices.shape[1], 1))
        return gradient, delta.sum(0)
