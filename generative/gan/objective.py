"""What generator and discriminator minimise against each other.

For logits r = D(x) of real images and f = D(G(z)) of drawn ones, averaged over the batch:

==============  ==================================  ==================
loss            discriminator                       generator
==============  ==================================  ==================
minimax         softplus(-r) + softplus(f)          - softplus(f)
non_saturating  softplus(-r) + softplus(f)          softplus(-f)
hinge           max(0, 1 - r) + max(0, 1 + f)       - f
least_squares   ((r - 1)^2 + f^2) / 2               (f - 1)^2 / 2
==============  ==================================  ==================

softplus(-r) = - log P(real) with P = sigmoid(r). Where D cannot tell, P = 1/2, the first two losses of D are log 4.
Of minimax, dL_G/df = - P, which vanishes when D is sure that a drawing is one, just when G has most to learn; of the
non-saturating loss, dL_G/df = - (1 - P), which is largest there.

References
----------
.. [1] I. Goodfellow et al., 2014, arXiv:1406.2661: minimax (equation 1) and non-saturating (section 3).
.. [2] J. Lim, J. Ye, "Geometric GAN", 2017, arXiv:1705.02894: hinge.
.. [3] X. Mao et al., "Least squares generative adversarial networks", 2016, arXiv:1611.04076: equation 9.
.. [4] T. Salimans et al., "Improved techniques for training GANs", 2016, arXiv:1606.03498: one-sided label smoothing.
.. [5] C. Sønderby et al., "Amortised MAP inference for image super-resolution", 2016, arXiv:1610.04490: instance noise.
.. [6] L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually converge?", 2018,
   arXiv:1801.04406: R1.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError
from generative.gan.model import GAN
from generative.training import register_objective
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import random
from nets.evaluation import Batch, Objective
from nets.layers import Dropout, Module, Parameter
from nets.tensor import Operand, Tensor, as_tensor

Array = npt.NDArray[Any]
STEP: Final = 0.05
"""Length of the finite difference in `r1_penalty`, in standard deviations of brightness from 0 to 1."""


def _log_real(real: Tensor, smoothing: float) -> Tensor:
    return F.softplus(-real) + smoothing * real  # - (1 - s) log P - s log(1 - P), as log(1 - P) = log P - r


def _minimax_d(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    return _log_real(real, smoothing).mean() + F.softplus(fake).mean()


def _hinge_d(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    return F.relu(1 - smoothing - real).mean() + F.relu(1 + fake).mean()


def _squares_d(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    return 0.5 * ((real - (1 - smoothing)) ** 2).mean() + 0.5 * (fake**2).mean()


DISCRIMINATOR_LOSSES: Final[dict[str, Callable[[Tensor, Tensor, float], Tensor]]] = {
    "minimax": _minimax_d,
    "non_saturating": _minimax_d,
    "hinge": _hinge_d,
    "least_squares": _squares_d,
}
"""(r, f, label smoothing) -> loss."""
GENERATOR_LOSSES: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "minimax": lambda fake: -F.softplus(fake).mean(),
    "non_saturating": lambda fake: F.softplus(-fake).mean(),
    "hinge": lambda fake: -fake.mean(),
    "least_squares": lambda fake: 0.5 * ((fake - 1) ** 2).mean(),
}
"""f -> loss."""
SIGNALS: Final[dict[str, Callable[[Array], Array]]] = {
    "minimax": lambda fake: _sigmoid(fake),
    "non_saturating": lambda fake: _sigmoid(-fake),
    "hinge": np.ones_like,
    "least_squares": lambda fake: np.abs(fake - 1),
}
"""f -> |dL_G/df|."""


def _sigmoid(z: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def r1_penalty(model: GAN, images: Operand, labels: Array, real: Tensor) -> Tensor:
    """Return an estimate of the mean of |dD/dx|^2 at real images [6]_, for an engine without second derivatives.

    For v of N(0, I), E (v . dD/dx)^2 = |dD/dx|^2, and v . dD/dx = (D(x + h v) - D(x)) / h up to terms of order h: one
    more pass through D in place of a derivative of a derivative.

    Parameters
    ----------
    model : GAN
    images : Tensor or ndarray, shape (n, 1, size, size)
        Real ones, as D saw them: with their noise, where there is some.
    labels : ndarray of int64, shape (n,)
    real : Tensor, shape (n,)
        Their logits D(x).
    """
    direction = random.generator().standard_normal(as_tensor(images).shape, np.float32)
    moved = model.discriminate(as_tensor(images) + np.float32(STEP) * direction, labels)
    return (((moved - real) / STEP) ** 2).mean()


@contextmanager
def frozen(module: Module) -> Iterator[None]:
    """Let gradients pass through what is computed within the block, but not reach the parameters of the module.

    Setting ``requires_grad`` would not do: some operations ask for it only on the way back, after the block. So the
    parameters stand aside for tensors without a gradient that share their memory.
    """
    held = [
        (part, name, value)
        for part in module.modules()
        for name, value in vars(part).items()
        if isinstance(value, Parameter)
    ]
    for part, name, value in held:
        setattr(part, name, value.detach())
    try:
        yield
    finally:
        for part, name, value in held:
            setattr(part, name, value)


@register_objective("gan")
def adversarial(
    *,
    loss: str = "non_saturating",
    label_smoothing: float = 0.0,
    noise: float = 0.0,
    r1: float = 0.0,
    discriminator_every: int = 1,
    generator_every: int = 1,
) -> Objective:
    """Return the objective of `GAN`: (model, batch) -> (L_D + L_G, metrics).

    The gradient of L_D reaches D only, as it sees drawings without their history; that of L_G reaches G only, as it
    goes through a `frozen` D.

    Parameters
    ----------
    loss : {"non_saturating", "minimax", "hinge", "least_squares"}
        See the module.
    label_smoothing : float
        s in [0, 1): what D shall say of real images is 1 - s instead of 1 [4]_.
    noise : float
        Standard deviation of what is added to all that D sees, so that real and drawn images overlap [5]_.
    r1 : float
        gamma: gamma/2 times `r1_penalty` is added to L_D. Not with dropout, which would be measured instead.
    discriminator_every, generator_every : int
        That side learns only in each n-th step; one of them is 1.

    Returns
    -------
    callable
        Beside the loss it reports ``d_loss`` (without the penalty), ``g_loss``, ``d_real`` and ``d_fake`` (the shares
        of real and drawn images that D takes for what they are) and ``g_signal``, the mean of |dL_G/df|.

    Notes
    -----
    Departure from [1]_, algorithm 1: both sides learn in the same step, from the same drawings, where the paper
    moves D first and then G against the new D. It is one loss for one optimiser, so a run resumes exactly; the rate
    at which G and D move apart in one step is small against what either needs to learn.
    """
    if loss not in GENERATOR_LOSSES:
        raise SettingError(f"loss must be one of {', '.join(GENERATOR_LOSSES)}, got {loss!r}")
    if not 0 <= label_smoothing < 1:
        raise SettingError(f"label_smoothing must be in [0, 1), got {label_smoothing}")
    if not (noise >= 0 and r1 >= 0):
        raise SettingError(f"noise and r1 must not be negative, got {noise} and {r1}")
    if min(discriminator_every, generator_every) != 1:
        raise SettingError(f"one side must learn in every step, got {discriminator_every} and {generator_every}")
    loss_d, loss_g = DISCRIMINATOR_LOSSES[loss], GENERATOR_LOSSES[loss]

    def objective(model: Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(model, GAN)
        if r1 and any(isinstance(part, Dropout) for part in model.discriminator.modules()):
            raise SettingError(f"r1 must be 0 where the discriminator has dropout, got {r1}")
        images, labels, _ = batch
        z = random.generator().standard_normal((len(images), model.latent), np.float32)
        drawn = model.generate(z, labels)
        seen = _noisy(Tensor(images), noise)
        real = model.discriminate(seen, labels)
        fake = model.discriminate(_noisy(drawn.detach(), noise), labels)
        with frozen(model.discriminator):
            judged = model.discriminate(_noisy(drawn, noise), labels)
        d_loss, g_loss = loss_d(real, fake, label_smoothing), loss_g(judged)
        step = model.count_step()
        d_term = d_loss if step % discriminator_every == 0 else d_loss.detach()
        g_term = g_loss if step % generator_every == 0 else g_loss.detach()
        if r1 and d_term is d_loss:
            d_term = d_term + 0.5 * r1 * r1_penalty(model, seen, labels, real)
        return d_term + g_term, _metrics(loss, d_loss, g_loss, real, fake, judged)

    return objective


def _noisy(images: Tensor, noise: float) -> Tensor:
    if not noise:
        return images
    return images + noise * random.generator().standard_normal(images.shape, np.float32)


def _metrics(loss: str, d_loss: Tensor, g_loss: Tensor, real: Tensor, fake: Tensor, judged: Tensor) -> dict[str, float]:
    border = 0.5 if loss == "least_squares" else 0.0
    return {
        "d_loss": float(d_loss.item()),
        "g_loss": float(g_loss.item()),
        "d_real": float((real.numpy() > border).mean()),
        "d_fake": float((fake.numpy() < border).mean()),
        "g_signal": float(SIGNALS[loss](judged.numpy()).mean()),
    }
