"""Softmax and the cross-entropy on top of it."""

from nets.backends.reference.base import Array, BaseOps


class LossOps(BaseOps):
    """Softmax along the last axis, and its cross-entropy with class indices."""

    def least_and_most(self, labels: Array) -> tuple[int, int]:
        """Return the smallest and the largest of some ints."""
        return int(labels.min()), int(labels.max())

    def softmax(self, z: Array) -> Array:
        """Return p_i = exp(z_i) / sum_j exp(z_j) along the last axis, exponents shifted by their maximum."""
        p = self.xp.exp(z - z.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        return p

    def softmax_backward(self, grad: Array, p: Array) -> Array:
        """Return dL/dz = p (g - sum_j g_j p_j): the Jacobian is diag(p) - p p^T, not its diagonal alone."""
        return p * (grad - (grad * p).sum(-1, keepdims=True))

    def log_softmax(self, z: Array) -> Array:
        """Return log p = z - log sum_j exp(z_j) along the last axis."""
        shifted = z - z.max(-1, keepdims=True)
        return shifted - self.xp.log(self.xp.exp(shifted).sum(-1, keepdims=True))

    def log_softmax_backward(self, grad: Array, y: Array) -> Array:
        """Return dL/dz = g - p sum_j g_j."""
        return grad - self.xp.exp(y) * grad.sum(-1, keepdims=True)

    def cross_entropy(self, logits: Array, labels: Array, smoothing: float = 0.0) -> tuple[Array, Array]:
        """Return the loss of each row and the probabilities.

        L = - sum_j t_j log p_j with t = (1 - s) onehot(label) + s / classes.

        Parameters
        ----------
        logits : ndarray, shape (batch, classes)
        labels : ndarray of int64, shape (batch,)
            In [0, classes).
        smoothing : float
            s in [0, 1).

        Returns
        -------
        losses : ndarray, shape (batch,)
        p : ndarray, shape (batch, classes)
        """
        log_p = self.log_softmax(logits)
        rows = self.xp.arange(len(labels))
        losses = -(1 - smoothing) * log_p[rows, labels]
        if smoothing:
            losses -= smoothing * log_p.mean(-1)
        return losses, self.xp.exp(log_p)

    def cross_entropy_backward(self, grad: Array, p: Array, labels: Array, smoothing: float = 0.0) -> Array:
        """Return dL/dz = (p - t) g, for the gradient ``grad`` of each row's loss, shape (batch,), or () for all."""
        delta = p - smoothing / p.shape[-1]
        delta[self.xp.arange(len(labels)), labels] -= 1 - smoothing
        delta *= grad[:, None] if grad.ndim else grad
        return delta
