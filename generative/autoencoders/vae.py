"""The variational autoencoder: codes that are distributions, pressed towards N(0, I), so that it can be sampled.

The encoder gives mu and log sigma of q(z|x) = N(mu, diag sigma^2), the decoder p(x|z), and the negative evidence lower
bound is minimised [1]_: L = L_rec + beta L_reg with

- L_rec = - log p(x|z) for one z = mu + sigma eps, eps ~ N(0, I): the reparametrisation, through which gradients reach
  mu and sigma. With a Gaussian p it is 1/2 sum (x - x')^2.
- L_reg = KL(q || N(0, I)) = - 1/2 sum (1 + 2 log sigma - mu^2 - sigma^2).

Sums go over pixels and over latents, the mean over the batch. beta = 1 is the bound itself; smaller values buy sharper
images with a latent space that the prior fills less well [2]_. Two cures for latents that collapse onto the prior
before the decoder has found a use for them: beta that rises from 0 during the first steps [3]_, and free bits, an
amount of KL that costs nothing [4]_.

References
----------
.. [1] D. Kingma, M. Welling, "Auto-encoding variational Bayes", arXiv:1312.6114, section 2.3 and appendix B.
.. [2] I. Higgins et al., "beta-VAE", ICLR 2017.
.. [3] S. Bowman et al., "Generating sentences from a continuous space", arXiv:1511.06349, section 3.1.
.. [4] D. Kingma et al., "Improved variational inference with inverse autoregressive flow", arXiv:1606.04934,
   appendix C.8.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from generative.autoencoders.coder import Coder, Likelihood, count_coder, reconstruction_loss
from generative.autoencoders.networks import Architecture
from generative.errors import SettingError
from generative.image_model import Images, check_labels
from generative.training import register_objective
from nets import random
from nets.evaluation import Batch, Objective
from nets.layers import Module
from nets.layers.module import Buffer
from nets.models import register
from nets.tensor import Operand, Tensor

FloatArray = npt.NDArray[np.floating[Any]]


class VAE(Coder):
    """A variational autoencoder of images; see the module. Built by ``nets.models.build("vae", ...)``.

    Attributes
    ----------
    steps : Buffer of int64, shape ()
        Training steps taken, which the KL warm-up goes by.
    """

    def __init__(self, *, latent: int, generator: np.random.Generator | None = None, **settings: Any) -> None:
        super().__init__(n_codes=2 * latent, latent=latent, generator=generator, **settings)
        self.steps = Buffer(np.zeros((), np.int64))

    def forward(self, x: Operand, labels: npt.ArrayLike | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of pixels for one random z, mu and log sigma."""
        mu, log_sigma = self.encode(x, labels)
        return self.decode_logits(reparametrise(mu, log_sigma), labels), mu, log_sigma

    def encode(self, x: Operand, labels: npt.ArrayLike | None = None) -> tuple[Tensor, Tensor]:
        """Map images (n, 1, size, size) to mu and log sigma, (n, latent) each."""
        mu, log_sigma = self._run_encoder(x, labels).chunk(2, 1)
        return mu, log_sigma

    def code(self, images: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> npt.NDArray[np.float32]:
        """Return mu of each image, (n, latent)."""
        return self.posterior(images, labels)[0]

    def posterior(
        self, images: npt.ArrayLike, labels: npt.ArrayLike | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return mu and log sigma of images (n, 1, size, size) or (n, size, size) as arrays, without gradients."""
        mu, log_sigma = np.split(self._encode_all(images, labels), 2, axis=1)
        return mu, log_sigma

    def sample(
        self, labels: npt.ArrayLike, *, generator: np.random.Generator, case: npt.ArrayLike | None = None
    ) -> Images:
        """Decode z ~ N(0, I), one a label; a model that is not conditional draws any class."""
        checked = check_labels(labels, len(self.classes))
        if case is not None and len(check_labels(case, 3, "case")) != len(checked):
            raise SettingError(f"case must be one a label, got {len(np.asarray(case))} for {len(checked)}")
        z = generator.standard_normal((len(checked), self.latent), np.float32)
        return self.draw(z, checked)


@register("vae", partial(count_coder, 2))
def vae(
    *,
    size: int = 28,
    classes: Sequence[str] = (),
    latent: int = 32,
    widths: Sequence[int] = (512, 256),
    architecture: Architecture = "dense",
    conditional: bool = False,
    likelihood: Likelihood = "bernoulli",
    contrast: float = 1.0,
    generator: np.random.Generator | None = None,
) -> VAE:
    """Build a VAE; the settings are those of `generative.autoencoders.coder.Coder`."""
    return VAE(
        size=size,
        classes=classes,
        latent=latent,
        widths=widths,
        architecture=architecture,
        conditional=conditional,
        likelihood=likelihood,
        contrast=contrast,
        generator=generator,
    )


def reparametrise(mu: Tensor, log_sigma: Tensor, eps: npt.ArrayLike | None = None) -> Tensor:
    """Return z = mu + eps exp(log sigma), eps ~ N(0, I) drawn from `nets.random.generator()` where it is not given."""
    if eps is None:
        eps = random.generator().standard_normal(mu.shape, np.float32).astype(mu.dtype, copy=False)
    return mu + eps * log_sigma.exp()


def kl_per_latent(mu: Tensor, log_sigma: Tensor) -> Tensor:
    """Return KL(N(mu, sigma^2) || N(0, 1)) = - (1 + 2 log sigma - mu^2 - sigma^2) / 2, element by element, in nats."""
    return -0.5 * (1 + 2 * log_sigma - mu * mu - (2 * log_sigma).exp())


def kl_divergence(mu: Tensor, log_sigma: Tensor, free_bits: float = 0.0) -> Tensor:
    """Return the sum of `kl_per_latent` over latents, averaged over the batch.

    Parameters
    ----------
    mu, log_sigma : Tensor, shape (batch, latent)
    free_bits : float
        Nats a latent that cost nothing: a latent whose mean over the batch is below counts as if it were this, and
        gets no gradient (one group a latent, [4]_ of the module).
    """
    means = kl_per_latent(mu, log_sigma).mean(0)
    return (means.clip(low=free_bits) if free_bits else means).sum()


@register_objective("vae")
def vae_objective(*, beta: float = 1.0, warmup: int = 0, free_bits: float = 0.0) -> Objective:
    """Return the objective of a VAE: the mean over the batch of L_rec + beta L_reg.

    Parameters
    ----------
    beta : float
        Weight of the KL divergence.
    warmup : int
        Steps in which beta rises linearly from 0; they are counted in the model, and so saved with it.
    free_bits : float
        See `kl_divergence`.

    Returns
    -------
    callable
        Reports ``reconstruction`` and ``kl``, in nats an image.
    """
    if not beta >= 0 or not free_bits >= 0 or warmup < 0:
        raise SettingError(f"beta, warmup and free_bits must not be negative, got {beta}, {warmup} and {free_bits}")

    def objective(model: Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(model, VAE)
        images, labels = batch[:2]
        logits, mu, log_sigma = model(images, labels)
        reconstruction = reconstruction_loss(logits, images, model.likelihood)
        kl = kl_divergence(mu, log_sigma, free_bits)
        weight = beta * (min(1.0, int(model.steps.item()) / warmup) if warmup and model.training else 1.0)
        if model.training:
            model.steps.copy_(model.steps.data + 1)
        reported = kl.item() if not free_bits else kl_divergence(mu.detach(), log_sigma.detach()).item()
        return reconstruction + weight * kl, {"reconstruction": reconstruction.item(), "kl": reported}

    return objective


def gradients_by_hand(
    mu: FloatArray, log_sigma: FloatArray, eps: FloatArray, slope_z: FloatArray, beta: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    r"""Return dL/dmu and dL/dlog sigma of L = L_rec + beta L_reg for one image or several, derived by hand.

    Parameters
    ----------
    mu, log_sigma, eps : ndarray, shape (..., latent)
        The encoder's outputs, and the noise that was drawn.
    slope_z : ndarray, shape (..., latent)
        dL_rec/dz, which the decoder sends back.
    beta : float
        Weight of L_reg.

    Returns
    -------
    (ndarray, ndarray), shape (..., latent)

    Notes
    -----
    **Reconstruction.** With z_j = mu_j + eps_j exp(log sigma_j) and fixed eps, each z_j depends on its own mu_j and
    log sigma_j alone:

        dz_j/dmu_j = 1,    dz_j/dlog sigma_j = eps_j exp(log sigma_j) = z_j - mu_j.

    By the chain rule

        dL_rec/dmu_j        = dL_rec/dz_j
        dL_rec/dlog sigma_j = dL_rec/dz_j eps_j exp(log sigma_j).

    The slope at z comes from the decoder x' = f(z) with Jacobian J = df/dz. For L_rec = 1/2 sum_i (x_i - x'_i)^2 it
    is dL_rec/dz_j = sum_i (x'_i - x_i) J_ij, that is J^T (x' - x). For a Bernoulli likelihood with x' = sigmoid(l),

        L_rec = - sum_i (x_i log x'_i + (1 - x_i) log(1 - x'_i)) = sum_i (log(1 + exp l_i) - x_i l_i),

    so dL_rec/dl_i = x'_i - x_i: the same residual, now before the sigmoid, and dL_rec/dz = (dl/dz)^T (x' - x).

    **Regularisation.** With sigma_j = exp(log sigma_j),

        L_reg = - 1/2 sum_j (1 + 2 log sigma_j - mu_j^2 - exp(2 log sigma_j)).

    Term by term

        dL_reg/dmu_j        = - 1/2 (- 2 mu_j) = mu_j
        dL_reg/dlog sigma_j = - 1/2 (2 - 2 exp(2 log sigma_j)) = exp(2 log sigma_j) - 1.

    Both vanish exactly at mu = 0, sigma = 1, which is the prior. (Where ``log sigma^2`` is the parameter instead, the
    second is half as much in each formula.) Latents that the decoder ignores have dL_rec/dz_j = 0, and nothing keeps
    them from there: that is the collapse of latents.

    Examples
    --------
    >>> gradients_by_hand(np.array([0.5]), np.array([0.0]), np.array([2.0]), np.array([3.0]))
    (array([3.5]), array([6.]))
    """
    sigma = np.exp(log_sigma)
    slope_mu = slope_z + beta * mu
    slope_log_sigma = slope_z * eps * sigma + beta * (sigma**2 - 1)
    return slope_mu, slope_log_sigma
