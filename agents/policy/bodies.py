"""Bodies: from packed boards to the features that the heads look at.

Every body begins with the same operation, `nets.functional.embedding_bag`: a weighted sum of one-hot exponents is a
sum of rows of a table, one row for each cell, so no vector of ones and zeros is made. What differs is which cells
share a table:

``mlp``
    One bag of 16 cells; each cell has rows of its own.
``conv``
    Nine bags, the 2 x 2 squares of neighbouring cells; all of them share the rows of the four places in a square.
    This *is* a convolution of one-hot planes with 2 x 2 kernels. Convolutions of the 3 x 3 and 2 x 2 planes follow.
``transformer``
    Sixteen bags of one cell, the tokens; blocks of attention follow.

With learned embeddings of exponents, the rows are no parameters but products, embedding times weights, which are
computed once for each call and not for each board: the embedding enters the first layer linearly, so

    sum over cells c of  W_c e(x_c)  =  sum over cells c of  T[c, x_c]   with   T[c, x] = W_c e(x).

What a learned position adds to an embedding is one more row, which depends on the place alone (in an MLP, where every
cell has weights of its own, it is part of the bias).
"""

import math
from itertools import pairwise
from typing import Final

import numpy as np

import nets
from agents.policy.boards import N_EXPONENTS, NO_CELL, Boards, write_rows
from agents.policy.config import LAYOUTS, Bags, Body, NetworkConfig
from agents.policy.tables import TupleTables
from nets import functional as F  # noqa: N812  # as everywhere in the field


class TileSums(nets.Module):
    """The first layer: f(sum of the rows of the cells of each bag + b).

    Parameters
    ----------
    body : {"mlp", "conv", "transformer"}
        Whose `LAYOUTS`.
    width : int
        Length of the rows.
    embedding : int
        Length of learned embeddings of the exponents; 0 for rows of their own, as of one-hot vectors.
    activation : str
        Name of f.
    generator : numpy.random.Generator
        Where the initial weights come from: He's normal for as many inputs as a bag has cells.

    Attributes
    ----------
    weight : Parameter, shape (places * 16, width)
        A row for each place and exponent; without embeddings only.
    tiles, projection, positions : Parameter, shapes (16, embedding), (places, embedding, width) and (positions, width)
        With embeddings only; an MLP has no positions.
    bias : Parameter, shape (width,)
    """

    def __init__(self, body: Body, width: int, embedding: int, activation: str, generator: np.random.Generator) -> None:
        cells, places, positions = LAYOUTS[body]
        self.activation, self.embedding = activation, embedding
        scale = math.sqrt(2 / cells.shape[1])
        if embedding:
            self.tiles = nets.Parameter(generator.standard_normal((N_EXPONENTS, embedding)))
            self.projection = nets.Parameter(
                generator.standard_normal((places, embedding, width)) * (scale / math.sqrt(embedding))
            )
            if positions:
                self.positions = nets.Parameter(generator.standard_normal((positions, width)) * scale)
        else:
            # A token that knows its cell by its row needs no weights that cells share.
            places = 16 if body == "transformer" else places
            self.weight = nets.Parameter(generator.standard_normal((places * N_EXPONENTS, width)) * scale)
        self.bias = nets.Parameter(np.zeros(width))
        self._cells, self._offsets = _bags(body, bool(embedding))

    def forward(self, boards: Boards) -> nets.Tensor:
        """Map packed boards (n,) to (n * bags, width)."""
        rows = np.empty((boards.size * len(self._cells), self._cells.shape[1]), np.uint8)
        write_rows(boards, self._cells, self._offsets, rows)
        return F.embedding_bag(nets.Tensor(rows), self._table(), self.bias, self.activation)

    def _table(self) -> nets.Tensor:
        """Return a row for each place and exponent, and then for each position."""
        if not self.embedding:
            return self.weight
        table = (self.tiles @ self.projection).reshape(-1, self.bias.shape[0])
        return nets.cat([table, self.positions]) if hasattr(self, "positions") else table

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.bias.shape[0]}, embedding={self.embedding}, activation={self.activation!r}"


def _bags(body: Body, embedded: bool) -> tuple[Bags, Bags]:
    """Return the cell that each row of each bag is for (none for a position), and where its rows begin."""
    cells, places, positions = LAYOUTS[body]
    if body == "transformer" and not embedded:
        return cells, (N_EXPONENTS * cells).astype(np.uint8)
    offsets = np.broadcast_to(N_EXPONENTS * np.arange(cells.shape[1], dtype=np.uint8), cells.shape)
    if embedded and positions:
        nowhere = np.full((len(cells), 1), NO_CELL, np.uint8)
        beyond = (places * N_EXPONENTS + np.arange(positions, dtype=np.uint8))[:, None].astype(np.uint8)
        cells, offsets = np.hstack([cells, nowhere]), np.hstack([offsets, beyond])
    return np.array(cells, order="C"), np.array(offsets, order="C")


class MLPBody(nets.Module):
    """Fully connected layers of rectifiers; the first one may add n-tuple tables."""

    def __init__(self, settings: NetworkConfig, generator: np.random.Generator) -> None:
        embedding = settings.embedding if settings.inputs == "embedding" else 0
        tuples = settings.inputs == "tuples"
        self.inputs = TileSums("mlp", settings.width, embedding, "identity" if tuples else "relu", generator)
        if tuples:
            self.tables = TupleTables(settings.width)
        widths = [settings.width] + [settings.hidden] * (settings.depth - 1)
        self.layers = nets.Sequential(*(_rectifiers(*pair, generator) for pair in pairwise(widths)))
        self.features = widths[-1]

    def forward(self, boards: Boards) -> nets.Tensor:
        """Map packed boards (n,) to (n, features)."""
        x = self.inputs(boards)
        if hasattr(self, "tables"):
            x = self.tables(x, boards)
        return self.layers(x)  # type: ignore[no-any-return]


class ConvBody(nets.Module):
    """2 x 2 convolutions without padding, 4 x 4 -> 3 x 3 -> 2 x 2 -> 1 x 1, then a fully connected layer."""

    def __init__(self, settings: NetworkConfig, generator: np.random.Generator) -> None:
        embedding = settings.embedding if settings.inputs == "embedding" else 0
        self.width, self.features = settings.width, settings.hidden
        self.inputs = TileSums("conv", settings.width, embedding, "relu", generator)
        self.convolutions = nets.Sequential(
            *(
                nets.Conv2d(settings.width, settings.width, 2, activation="relu", init="he_normal", generator=generator)
                for _ in range(settings.depth - 1)
            )
        )
        self.dense = _rectifiers(settings.width * (4 - settings.depth) ** 2, settings.hidden, generator)

    def forward(self, boards: Boards) -> nets.Tensor:
        """Map packed boards (n,) to (n, features)."""
        # Channels lie side by side in memory from here to the end, so nothing is copied in between.
        planes = self.inputs(boards).reshape(boards.size, 3, 3, self.width).permute(0, 3, 1, 2)
        last = self.convolutions(planes).permute(0, 2, 3, 1)
        return self.dense(last.reshape(boards.size, -1))  # type: ignore[no-any-return]


class TransformerBody(nets.Module):
    """Sixteen tokens through blocks that normalise first, then a fully connected layer over all of them."""

    def __init__(self, settings: NetworkConfig, generator: np.random.Generator) -> None:
        embedding = settings.embedding if settings.inputs == "embedding" else 0
        width, self.features = settings.width, settings.hidden
        self.width = width
        self.inputs = TileSums("transformer", width, embedding, "identity", generator)
        self.blocks = nets.Sequential(
            *(
                nets.TransformerBlock(width, settings.heads, 2 * width, activation="relu", generator=generator)
                for _ in range(settings.depth)
            )
        )
        self.norm = nets.LayerNorm(width)
        self.dense = _rectifiers(16 * width, settings.hidden, generator)

    def forward(self, boards: Boards) -> nets.Tensor:
        """Map packed boards (n,) to (n, features)."""
        tokens = self.norm(self.blocks(self.inputs(boards).reshape(boards.size, 16, self.width)))
        return self.dense(tokens.reshape(boards.size, -1))  # type: ignore[no-any-return]


BODIES: Final[dict[Body, type[MLPBody | ConvBody | TransformerBody]]] = {
    "mlp": MLPBody,
    "conv": ConvBody,
    "transformer": TransformerBody,
}


def _rectifiers(n_in: int, n_out: int, generator: np.random.Generator) -> nets.Linear:
    return nets.Linear(n_in, n_out, activation="relu", init="he_normal", generator=generator)
