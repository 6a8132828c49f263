"""Losses: one number that says how wrong an output is.

Every loss takes ``reduction``: "mean" over all its terms (the default), their "sum", or "none" for the terms.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from nets import ops
from nets.backends import backend
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import class_indices, floats, not_empty
from nets.functional.activations import log_softmax, softplus
from nets.tensor import Operand, Tensor, as_tensor, record_joint, wrap


def _reduce(name: str, terms: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return terms.mean()
    if reduction == "sum":
        return terms.sum()
    if reduction == "none":
        return terms
    raise ArgumentError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _pair(name: str, output: Operand, target: Operand) -> tuple[Tensor, Tensor]:
    output = floats(name, output)
    target = floats(name, target, output)
    if output.shape != target.shape:
        raise ShapeError(f"{name}: output and target must have one shape, got {output.shape} and {target.shape}")
    not_empty(name, output)
    return output, target


def mse_loss(output: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """Return (output - target)^2, reduced."""
    output, target = _pair("mse_loss", output, target)
    difference = output - target
    return _reduce("mse_loss", difference * difference, reduction)


def l1_loss(output: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """Return |output - target|, reduced."""
    output, target = _pair("l1_loss", output, target)
    return _reduce("l1_loss", abs(output - target), reduction)


def huber_loss(output: Operand, target: Operand, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    """Return d^2 / 2 where |d| < delta, else delta (|d| - delta / 2), for d = output - target, reduced.

    P. Huber, *Annals of Mathematical Statistics* 35, 1964, doi:10.1214/aoms/1177703732.
    """
    if not delta > 0:
        raise ArgumentError(f"huber_loss: delta must be positive, got {delta}")
    output, target = _pair("huber_loss", output, target)
    difference = output - target
    size = abs(difference)
    terms = ops.where(size.data < delta, 0.5 * difference * difference, delta * (size - 0.5 * delta))
    return _reduce("huber_loss", terms, reduction)


def cross_entropy(logits: Operand, target: Operand, label_smoothing: float = 0.0, reduction: str = "mean") -> Tensor:
    """Return - sum_j t_j log p_j with p = softmax(logits), reduced over the rows.

    Parameters
    ----------
    logits : Tensor of floats, shape (batch, classes) or (batch, classes, ...)
    target : Tensor, shape (batch,) or (batch, ...) of ints, or shape of the logits
        Class indices in [0, classes), or the probabilities t of all classes.
    label_smoothing : float
        s in [0, 1): t becomes (1 - s) t + s / classes (C. Szegedy et al., CVPR 2016, section 7).
    reduction : {"mean", "sum", "none"}
        See the module.
    """
    logits = floats("cross_entropy", logits)
    target = _target(target)
    if not 0 <= label_smoothing < 1:
        raise ArgumentError(f"cross_entropy: label_smoothing must be in [0, 1), got {label_smoothing}")
    if logits.ndim < 2:
        raise ShapeError(f"cross_entropy: logits must have shape (batch, classes, ...), got {logits.shape}")
    not_empty("cross_entropy", logits)
    if target.dtype.kind == "f" and target.shape != logits.shape:
        raise ShapeError(
            f"cross_entropy: probabilities must have the shape of the logits, {logits.shape}, got {target.shape}"
        )
    n_classes = logits.shape[1]
    terms_shape = (logits.shape[0], *logits.shape[2:])
    if logits.ndim > 2:
        logits = ops.reshape(ops.permute(logits, (0, *range(2, logits.ndim), 1)), (-1, n_classes))
        if target.dtype.kind == "f":
            target = ops.reshape(ops.permute(target, (0, *range(2, target.ndim), 1)), (-1, n_classes))
    if target.dtype.kind == "f":
        terms = _soft_cross_entropy(logits, target, label_smoothing)
    else:
        if target.shape != terms_shape:
            raise ShapeError(f"cross_entropy: {terms_shape} rows of logits need as many labels, got {target.shape}")
        labels = target.reshape(-1) if target.ndim != 1 else target
        if reduction in ("mean", "sum"):
            return _hard_cross_entropy(logits, labels, label_smoothing, reduction)
        terms = _hard_cross_entropy(logits, labels, label_smoothing)
    if len(terms_shape) > 1:
        terms = terms.reshape(terms_shape)
    return _reduce("cross_entropy", terms, reduction)


def _target(target: Operand) -> Tensor:
    """Return a target as a tensor; labels in an array are copied, as it may change before the way back needs them."""
    given = as_tensor(target)
    return given if given is target or given.dtype.kind == "f" else wrap(given.data.copy())


def _hard_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float, reduction: str = "none") -> Tensor:
    class_indices("cross_entropy", labels, *logits.shape)
    back = backend()
    y = labels.data.astype(np.int64, copy=False)
    terms, p = back.cross_entropy(logits.data, y, smoothing)
    if reduction != "none":
        # One operation instead of three: dL/d(term) is 1 / n or 1 for each of them.
        share = 1 / len(terms) if reduction == "mean" else 1.0
        return record_joint(
            "cross_entropy",
            terms.sum() * terms.dtype.type(share),
            (logits,),
            lambda g: (back.cross_entropy_backward(g * share, p, y, smoothing),),
            saved=(labels,),
        )
    return record_joint(
        "cross_entropy", terms, (logits,), lambda g: (back.cross_entropy_backward(g, p, y, smoothing),), saved=(labels,)
    )


def _soft_cross_entropy(logits: Tensor, target: Tensor, smoothing: float) -> Tensor:
    logits, target = _pair("cross_entropy", logits, target)
    _probabilities("cross_entropy", target)
    if smoothing:
        target = (1 - smoothing) * target + smoothing / logits.shape[1]
    return -(target * log_softmax(logits)).sum(-1)


def _probabilities(name: str, target: Tensor) -> None:
    """Refuse targets outside of [0, 1], or NaN; a target that is itself a result may step out by rounding."""
    low, high = target.data.min(), target.data.max()
    if not target.requires_grad and not (low >= 0 and high <= 1):
        raise ArgumentError(f"{name}: label out of range: targets must be in [0, 1], got {high if low >= 0 else low}")


def binary_cross_entropy_with_logits(logits: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """Return - t log p - (1 - t) log(1 - p) with p = sigmoid(logits), reduced.

    The target t, of the logits' shape, is in [0, 1]. Computed as max(z, 0) - z t + log(1 + exp(-|z|)) =
    softplus(z) - z t, which neither overflows nor takes log 0.
    """
    z, target = _pair("binary_cross_entropy_with_logits", logits, target)
    _probabilities("binary_cross_entropy_with_logits", target)
    return _reduce("binary_cross_entropy_with_logits", softplus(z) - z * target, reduction)


def gaussian_kl(mu: Operand, logvar: Operand, reduction: str = "mean") -> Tensor:
    """Return KL(N(mu, sigma^2) || N(0, 1)) = (mu^2 + sigma^2 - log sigma^2 - 1) / 2 for each number, reduced.

    ``logvar`` is log sigma^2. D. Kingma, M. Welling, arXiv:1312.6114, appendix B. For the sum over a latent vector,
    averaged over the batch, reduce with "none" and sum.
    """
    mu, logvar = _pair("gaussian_kl", mu, logvar)
    return _reduce("gaussian_kl", 0.5 * (mu * mu + ops.exp(logvar) - logvar - 1), reduction)


PROBABILITY_LOSSES: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "log": lambda log_p: -log_p,
    "inverse_sqrt": lambda log_p: ops.exp(-0.5 * log_p),
    "inverse": lambda log_p: ops.exp(-log_p),
    "linear": lambda log_p: 1 - ops.exp(log_p),
    "inverse_cube": lambda log_p: ops.exp(-3 * log_p),
    "inverse_fifth": lambda log_p: ops.exp(-5 * log_p),
}
"""-log p, 1/sqrt(p), 1/p, 1 - p, p^-3 and p^-5, as functions of log p."""


def probability_loss(logits: Operand, target: Operand, kind: str = "log", reduction: str = "mean") -> Tensor:
    """Return a decreasing function of p, the softmax probability of the right class, reduced.

    "log" is the cross-entropy; the others ask what is special about it: how steeply a loss punishes a confident
    mistake decides which gradients arrive. With dp/dz_j = p (delta_j - p_j) the gradient at the logit of the right
    class is - (1 - p) for -log p, - p (1 - p) for 1 - p (nothing is learned from p = 0), and - k p^-k (1 - p) for
    p^-k, which explodes there. The powers overflow to inf in float32 below p = 10^-12.8 (cube) and 10^-7.7 (fifth).

    Parameters
    ----------
    logits : Tensor of floats, shape (batch, classes)
    target : Tensor of ints, shape (batch,)
    kind : str
        A name in `PROBABILITY_LOSSES`.
    reduction : {"mean", "sum", "none"}
        See the module.
    """
    if kind not in PROBABILITY_LOSSES:
        raise ArgumentError(f"probability_loss: kind must be one of {', '.join(PROBABILITY_LOSSES)}, got {kind!r}")
    logits = floats("probability_loss", logits)
    if logits.ndim != 2:
        raise ShapeError(f"probability_loss: logits must have shape (batch, classes), got {logits.shape}")
    not_empty("probability_loss", logits)
    log_p = -_hard_cross_entropy(logits, _target(target), 0.0)
    return _reduce("probability_loss", PROBABILITY_LOSSES[kind](log_p), reduction)
