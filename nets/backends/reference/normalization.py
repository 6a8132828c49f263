"""Layer, batch and group normalization: the same three lines over different axes.

With mu and v = sigma^2 the mean and the (biased) variance of a set of m values,

    x^ = (x - mu) / sqrt(v + eps),    y = w x^ + b

and backwards, with delta = w dL/dy and means over the same set (mu and v depend on every x of it),

    dL/dx = (delta - mean(delta) - x^ mean(delta x^)) / sqrt(v + eps)
    dL/dw = sum of dL/dy x^,    dL/db = sum of dL/dy

================  =======================================  ==========================================================
layer norm        the features of one row                  Ba, Kiros, Hinton (2016), arXiv:1607.06450, eq. 3-4
batch norm        one channel of all images, all pixels    Ioffe, Szegedy (2015), arXiv:1502.03167, Algorithm 1
group norm        a group of channels of one image         Wu, He (2018), arXiv:1803.08494, eq. 1-7
================  =======================================  ==========================================================

Images are (batch, channels, height, width) to the caller, but lie channels-last in memory: results are transposed
views of (batch, height, width, channels).
"""

from typing import Any

from nets.backends.reference.base import Array, BaseOps

Needs = tuple[bool, bool, bool]
"""Which of dL/dx, dL/dw and dL/db are wanted."""


class NormalizationOps(BaseOps):
    """Normalizations and their gradients."""

    # --- layer norm ---

    def layer_norm(self, x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Any]:
        """Normalize each row.

        Parameters
        ----------
        x : ndarray, shape (rows, features)
        weight, bias : ndarray, shape (features,), or None
            Scale and shift; 1 and 0 where None.
        eps : float
            Added to the variance.

        Returns
        -------
        y : ndarray, shape (rows, features)
        saved : tuple
            For `layer_norm_backward`: mean and 1 / sqrt(v + eps) of each row.
        """
        mean = x.mean(1)
        scale = 1 / self.xp.sqrt(x.var(1) + eps)
        return self._affine((x - mean[:, None]) * scale[:, None], weight, bias), (mean, scale)

    def layer_norm_backward(
        self, grad: Array, x: Array, weight: Array | None, saved: Any, needs: Needs = (True, True, True)
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dw and dL/db, those that are needed."""
        mean, scale = saved
        normal = (x - mean[:, None]) * scale[:, None]
        grad_x = None
        if needs[0]:
            delta = grad if weight is None else grad * weight
            centred = delta - delta.mean(1, keepdims=True)
            grad_x = (centred - normal * (delta * normal).mean(1, keepdims=True)) * scale[:, None]
        return grad_x, (grad * normal).sum(0) if needs[1] else None, grad.sum(0) if needs[2] else None

    # --- batch norm ---

    def batch_norm(
        self,
        x: Array,
        weight: Array | None,
        bias: Array | None,
        mean: Array | None,
        var: Array | None,
        eps: float,
    ) -> tuple[Array, Any, Array, Array]:
        """Normalize each channel over the batch, or by given statistics.

        Parameters
        ----------
        x : ndarray, shape (batch, channels) or (batch, channels, height, width)
        weight, bias : ndarray, shape (channels,), or None
            Scale and shift; 1 and 0 where None.
        mean, var : ndarray, shape (channels,), or None
            Constants to normalize by, as in evaluation; None (both) takes them from this batch, as in training.
        eps : float
            Added to the variance.

        Returns
        -------
        y : ndarray, shape of x
            In channels-last memory.
        saved : tuple
            For `batch_norm_backward`.
        mean, var : ndarray, shape (channels,)
            What was normalized by; the variance is biased (divided by m, not m - 1).
        """
        rows = self._channel_rows(x)
        if constant := mean is not None and var is not None:
            used_mean, used_var = mean, var
        else:
            used_mean, used_var = rows.mean(0), rows.var(0)
        scale = 1 / self.xp.sqrt(used_var + eps)
        y = self._affine((rows - used_mean) * scale, weight, bias)
        return self._as_images(y, x.shape), (used_mean, scale, constant), used_mean, used_var

    def batch_norm_backward(
        self, grad: Array, x: Array, weight: Array | None, saved: Any, needs: Needs = (True, True, True)
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dw and dL/db, those that are needed; given statistics are constants: dL/dx = delta scale."""
        mean, scale, constant = saved
        delta = self._channel_rows(grad)
        normal = (self._channel_rows(x) - mean) * scale
        grad_x = None
        if needs[0]:
            factor = scale if weight is None else scale * weight
            centred = delta if constant else delta - delta.mean(0) - normal * (delta * normal).mean(0)
            grad_x = self._as_images(centred * factor, x.shape)
        return grad_x, (delta * normal).sum(0) if needs[1] else None, delta.sum(0) if needs[2] else None

    # --- group norm ---

    def group_norm(
        self, x: Array, n_groups: int, weight: Array | None, bias: Array | None, eps: float
    ) -> tuple[Array, Any]:
        """Normalize groups of consecutive channels of each image.

        Parameters
        ----------
        x : ndarray, shape (batch, channels) or (batch, channels, height, width)
        n_groups : int
            Divides the channels; 1 normalizes whole images, ``channels`` each channel ("instance norm").
        weight, bias : ndarray, shape (channels,), or None
            Scale and shift; 1 and 0 where None.
        eps : float
            Added to the variance.

        Returns
        -------
        y : ndarray, shape of x
            In channels-last memory.
        saved : tuple
            For `group_norm_backward`: mean and 1 / sqrt(v + eps), each of shape (batch, n_groups).
        """
        groups = self._groups(x, n_groups)
        mean = groups.mean((1, 3))
        scale = 1 / self.xp.sqrt(groups.var((1, 3)) + eps)
        normal = (groups - mean[:, None, :, None]) * scale[:, None, :, None]
        y = self._affine(normal.reshape(-1, x.shape[1]), weight, bias)
        return self._as_images(y, x.shape), (mean, scale)

    def group_norm_backward(
        self,
        grad: Array,
        x: Array,
        n_groups: int,
        weight: Array | None,
        saved: Any,
        needs: Needs = (True, True, True),
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dw and dL/db, those that are needed."""
        mean, scale = (statistic[:, None, :, None] for statistic in saved)
        rows = self._channel_rows(grad)
        groups = self._groups(x, n_groups)
        normal = (groups - mean) * scale
        grad_x = None
        if needs[0]:
            delta = (rows if weight is None else rows * weight).reshape(groups.shape)
            centred = delta - delta.mean((1, 3), keepdims=True)
            grad_groups = (centred - normal * (delta * normal).mean((1, 3), keepdims=True)) * scale
            grad_x = self._as_images(grad_groups, x.shape)
        grad_weight = (rows * normal.reshape(rows.shape)).sum(0) if needs[1] else None
        return grad_x, grad_weight, rows.sum(0) if needs[2] else None

    # --- layouts ---

    def _affine(self, normal: Array, weight: Array | None, bias: Array | None) -> Array:
        """Return w x^ + b; may change ``normal``."""
        if weight is not None:
            normal *= weight
        if bias is not None:
            normal += bias
        return normal

    def _channel_rows(self, x: Array) -> Array:
        """Return x with a row of channels for each pixel, (batch * pixels, channels); a view if channels-last."""
        return self.xp.moveaxis(x, 1, -1).reshape(-1, x.shape[1])

    def _groups(self, x: Array, n_groups: int) -> Array:
        """Return x as (batch, pixels, groups, channels of a group); a view if channels-last."""
        batch, channels = x.shape[:2]
        return self.xp.moveaxis(x, 1, -1).reshape(batch, -1, n_groups, channels // n_groups)

    def _as_images(self, rows: Array, shape: tuple[int, ...]) -> Array:
        """Return channels-last rows under the shape that the caller knows, as a view."""
        batch, channels, *pixels = shape
        return self.xp.moveaxis(rows.reshape(batch, *pixels, channels), -1, 1)
