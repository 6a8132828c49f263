"""The shapes of n-tuple networks: which cells are looked at together, what is counted, and how many stages there are.

A pattern is a set of cells; its table has a weight for every way in which they can be filled, 16 exponents each. It is
read on all eight rotations and reflections of a board. Cells are numbered row by row, and written as hex digits::

    0 1 2 3
    4 5 6 7        "012456" is the pattern    x x x .
    8 9 a b                                   x x x .
    c d e f

Counted features look at the whole board: `EMPTY_CELLS`, how many cells are empty, and `LARGE_TILES`, how many tiles of
2048 ... 32768 there are, up to three of each.

A network with stages has all its tables once for each set of the ``stage_tiles`` that can be on the board: what a
corner is worth depends on whether a 16384 is there already. Stage s is the number whose bits say which of these tiles
are present, the largest first.

References
----------
Szubert and Jaśkowski, IEEE CIG 2014, https://doi.org/10.1109/CIG.2014.6932907 (17x4: all lines and squares).
Yeh et al., "Multistage temporal difference learning for 2048-like games", IEEE TCIAIG 9(4), 2017,
https://doi.org/10.1109/TCIAIG.2016.2593710 (4x6, 5x6; features of large tiles and empty cells).
Matsuzaki, "Systematic selection of N-tuple networks with consideration of interinfluence for game 2048", TAAI 2016,
https://doi.org/10.1109/TAAI.2016.7880154 (8x6).
Jaśkowski, "Mastering 2048 ...", IEEE Trans. Games 10(1), 2018, https://doi.org/10.1109/TCIAIG.2017.2651887 (redundant
encoding, section III-D; stages by the tiles that are present, section III-B).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.errors import NetworkError

EMPTY_CELLS: Final = "empty"
LARGE_TILES: Final = "large"
COUNT_CODES: Final = {EMPTY_CELLS: 0, LARGE_TILES: 1}  # in the place of a mask; no mask of a pattern is that small
COUNT_SIZES: Final = {EMPTY_CELLS: 16, LARGE_TILES: 4**5}
MAX_LENGTH: Final = 8  # cells of a pattern: 16**8 weights are 16 GiB
MAX_WEIGHTS: Final = 2**32  # an index is a uint32
HEX: Final = "0123456789abcdef"

PARTS: Final = {
    "4x6": ("012345", "456789", "012456", "45689a"),
    "5x6": ("012345", "456789", "012456", "45689a", "89abcd"),
    "8x6": ("012456", "456789", "012345", "234569", "01259a", "345678", "134567", "01489a"),
    "17x4": ("0123", "4567", "0145", "1256", "569a"),
    "lines": ("0123", "4567"),
    "squares": ("0145", "1256", "569a"),
    EMPTY_CELLS: (),
    LARGE_TILES: (),
}
"""Parts that the name of a network is made of. 17x4 counts rotations and reflections, which here share a table."""

Layout = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Network:
    """The shape of an n-tuple network.

    Parameters
    ----------
    patterns : tuple of str
        Each 2 to 8 different cells as hex digits, in any order.
    counts : tuple of str
        Counted features, `EMPTY_CELLS` and `LARGE_TILES`.
    stage_tiles : tuple of int
        Exponents of the tiles by which stages differ, each from 1 to 15; none: one stage.

    Raises
    ------
    NetworkError
        If a part is none of these, or the tables would have more than 2**32 weights.

    Examples
    --------
    >>> network = Network.named("8x6+lines")
    >>> network.n_features, f"{network.n_weights:,}"
    (80, '134,348,800')
    >>> Network.named("4x6@15,14").n_stages
    4
    """

    patterns: tuple[str, ...]
    counts: tuple[str, ...] = ()
    stage_tiles: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for pattern in self.patterns:
            cells = set(pattern)
            if not (cells <= set(HEX) and len(cells) == len(pattern) and 2 <= len(pattern) <= MAX_LENGTH):
                raise NetworkError(
                    f"a pattern must be 2 to {MAX_LENGTH} different hex digits of cells, got {pattern!r}"
                )
        for count in self.counts:
            if count not in COUNT_CODES:
                raise NetworkError(f"counts must be of {', '.join(COUNT_CODES)}, got {count!r}")
        if not self.patterns:
            raise NetworkError("a network must have at least one pattern")
        tiles = self.stage_tiles
        if not all(type(tile) is int and 1 <= tile <= 15 for tile in tiles) or len(set(tiles)) < len(tiles):
            raise NetworkError(f"stage_tiles must be different exponents from 1 to 15, got {tiles}")
        if self.n_weights > MAX_WEIGHTS:
            raise NetworkError(f"a network must have at most 2**32 weights, {self.name} has {self.n_weights:,}")

    @classmethod
    def named(cls, name: str) -> "Network":
        """Return the network of a name: parts or patterns joined by "+", and perhaps "@" and exponents for stages.

        "8x6+lines", "4x6@15,14" and "012345+4589+empty" are names; the parts are the keys of `PARTS`.
        """
        shape, _, stages = name.partition("@")
        patterns: list[str] = []
        counts: list[str] = []
        for part in shape.split("+"):
            if part in COUNT_CODES:
                counts.append(part)
            else:
                patterns.extend(PARTS.get(part, (part,)))
        try:
            tiles = tuple(int(tile) for tile in stages.split(",")) if stages else ()
        except ValueError:
            raise NetworkError(f"stages must be exponents such as 15,14, got {stages!r}") from None
        return cls(tuple(dict.fromkeys(patterns)), tuple(dict.fromkeys(counts)), tiles)

    @classmethod
    def from_json(cls, shape: dict[str, Any]) -> "Network":
        """Return the network that `dataclasses.asdict` has turned into values of JSON's types.

        Raises
        ------
        NetworkError, KeyError, TypeError
            If it is none.
        """
        return cls(tuple(shape["patterns"]), tuple(shape["counts"]), tuple(shape["stage_tiles"]))

    @cached_property
    def name(self) -> str:
        """A name that `named` understands; of the parts that fit, the longest."""
        names: list[str] = []
        left = self.patterns
        while left:
            fitting = [part for part in PARTS if PARTS[part] and left[: len(PARTS[part])] == PARTS[part]]
            part = max(fitting, key=lambda part: len(PARTS[part]), default=left[0])
            names.append(part)
            left = left[len(PARTS.get(part, (part,))) :]
        stages = "@" + ",".join(map(str, self.stage_tiles)) if self.stage_tiles else ""
        return "+".join((*names, *self.counts)) + stages

    @property
    def n_features(self) -> int:
        """Look-ups of a board, m in the literature: eight for each pattern, one for each counted feature."""
        return 8 * len(self.patterns) + len(self.counts)

    @property
    def n_stages(self) -> int:
        """Sets of tables."""
        return int(2 ** len(self.stage_tiles))

    @property
    def stage_size(self) -> int:
        """Weights of one stage."""
        return sum(int(16 ** len(p)) for p in self.patterns) + sum(COUNT_SIZES[c] for c in self.counts)

    @property
    def n_weights(self) -> int:
        """Weights of all stages."""
        return self.n_stages * self.stage_size

    @cached_property
    def layout(self) -> Layout:
        """What the kernels know of the network, ndarray of uint64, shape (1 + tables, 2).

        Row 0 holds the exponents of ``stage_tiles`` as bits, and the weights of a stage; the others the mask of a
        pattern on bit planes (see `agents.ntuple.bit_planes`) or the code of a count, and where its table begins.
        """
        rows = [(sum(1 << tile for tile in self.stage_tiles), self.stage_size)]
        start = 0
        for pattern in self.patterns:
            rows.append((sum(1 << (16 * plane + HEX.index(cell)) for cell in pattern for plane in range(4)), start))
            start += 16 ** len(pattern)
        for count in self.counts:
            rows.append((COUNT_CODES[count], start))
            start += COUNT_SIZES[count]
        return np.array(rows, np.uint64)


def places_in_table(exponents: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Return where in the table of a pattern the weights for these exponents stand.

    Parameters
    ----------
    exponents : array_like of int, shape (..., n)
        0 to 15, of the cells of the pattern in the order of their numbers.

    Returns
    -------
    ndarray of uint32, shape (...)

    Examples
    --------
    Bit p of the exponent in cell k of n is bit n p + k:

    >>> int(places_in_table([1, 0, 1, 2])), 0b0000_0000_1000_0101
    (133, 133)
    """
    cells = np.asarray(exponents, np.uint32)
    n = cells.shape[-1]
    places = np.zeros(cells.shape[:-1], np.uint32)
    for p in range(4):
        for k in range(n):
            places |= (cells[..., k] >> p & 1) << (n * p + k)
    return places


DEFAULT: Final = Network.named("4x6+lines")
