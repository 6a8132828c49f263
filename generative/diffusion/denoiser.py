"""The network that takes noise out of latent vectors: a residual multilayer perceptron with feature-wise modulation.

With c the embedding of time, letter and case, each block is

    h <- h + W_2 silu(W_1 (LN(h) * (1 + scale(c)) + shift(c))),

LN without weights of its own: layer normalisation modulated by the condition, as in Peebles and Xie, "Scalable
diffusion models with transformers", 2023 (arXiv:2212.09748), section 3.2, which goes back to FiLM (Perez et al., 2018,
arXiv:1709.07871). As there, W_2 and the modulation start at 0, so that each block starts as the identity.
"""

import numpy as np
import numpy.typing as npt

from generative.diffusion.embedding import sinusoidal
from generative.image_model import N_CASES
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.layers import Embedding, Linear, Module, ModuleList, Sequential
from nets.tensor import Operand, Tensor

TIME_FEATURES = 64
Modulation = list[tuple[Tensor, Tensor]]
"""(1 + scale, shift) of each layer, shape (n, width) each."""


class Denoiser(Module):
    """Predict from noisy latents, as the parametrisation says: noise, data or velocity.

    Parameters
    ----------
    latent : int
        Numbers of a latent vector.
    n_classes : int
        Classes; the label ``n_classes`` means any.
    width, hidden, depth : int
        Numbers between blocks, within a block, and of blocks.
    condition : int
        Numbers of the embedding c.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """

    def __init__(
        self,
        latent: int,
        n_classes: int,
        *,
        width: int = 384,
        hidden: int = 768,
        depth: int = 4,
        condition: int = 128,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.latent, self.n_classes, self.width, self.depth = latent, n_classes, width, depth
        self.time = Sequential(
            Linear(TIME_FEATURES, condition, activation="silu", generator=generator),
            Linear(condition, condition, generator=generator),
        )
        self.labels = Embedding(n_classes + 1, condition, generator=generator)
        self.cases = Embedding(N_CASES, condition, generator=generator)
        # One layer for each, since taking parts of one large output costs more than it saves.
        self.scales = ModuleList(Linear(condition, width, init="zeros") for _ in range(depth + 1))
        self.shifts = ModuleList(Linear(condition, width, init="zeros") for _ in range(depth + 1))
        self.first = Linear(latent, width, generator=generator)
        self.blocks = ModuleList(_Block(width, hidden, generator) for _ in range(depth))
        self.last = Linear(width, latent, init="zeros")

    def forward(self, x: Operand, t: npt.NDArray[np.float32], labels: Operand, case: Operand) -> Tensor:
        """Return the prediction.

        Parameters
        ----------
        x : Tensor of float32, shape (n, latent)
            Noisy latents.
        t : ndarray of float32, shape (n,)
            Their times, in [0, 1].
        labels, case : Tensor of int64, shape (n,)
            Class, or ``n_classes`` for any; case, or 0 for either.

        Returns
        -------
        Tensor of float32, shape (n, latent)
        """
        return self.denoise(x, self.modulate(t, labels, case))

    def modulate(self, t: npt.NDArray[np.float32], labels: Operand, case: Operand) -> Modulation:
        """Return 1 + scale and shift of each layer, shape (n, width) each.

        They are the same for all latents with the same time, label and case: samplers compute them once for each.
        """
        c = F.silu(self.time(Tensor(sinusoidal(t, TIME_FEATURES))) + self.labels(labels) + self.cases(case))
        return [(scale(c) + 1, shift(c)) for scale, shift in zip(self.scales, self.shifts, strict=True)]

    def denoise(self, x: Operand, modulation: Modulation) -> Tensor:
        """Return the prediction for latents, shape (n, latent), under given scales and shifts."""
        h: Tensor = self.first(x)
        for block, (scale, shift) in zip(self.blocks, modulation, strict=False):
            h = h + block(F.layer_norm(h) * scale + shift)
        scale, shift = modulation[-1]
        prediction: Tensor = self.last(F.layer_norm(h) * scale + shift)
        return prediction


class _Block(Sequential):
    """W_2 silu(W_1 h)."""

    def __init__(self, width: int, hidden: int, generator: np.random.Generator | None) -> None:
        super().__init__(
            Linear(width, hidden, activation="silu", init="he_normal", generator=generator),
            Linear(hidden, width, init="zeros"),
        )


def count_weights(latent: int, n_classes: int, width: int, hidden: int, depth: int, condition: int) -> int:
    """Return how many parameters such a network has, without building it."""
    shapes = [
        (TIME_FEATURES + 1, condition),
        (condition + 1, condition),
        (n_classes + 1, condition),
        (N_CASES, condition),
        *[(condition + 1, width)] * (2 * (depth + 1)),
        (latent + 1, width),
        *[(width + 1, hidden), (hidden + 1, width)] * depth,
        (width + 1, latent),
    ]
    return sum(a * b for a, b in shapes)
