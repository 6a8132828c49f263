"""What games an n-tuple network learns from: where they begin, and how often it sees the rare late boards.

Late positions are rare: a game passes through them once, and most games end before. Two ways to see more of them:

**Restart.** A game of n moves can be played again from the position after ``restart * n`` of them, with other tiles,
and again from the middle of that, until one is shorter than `MIN_RESTART` moves. Half of the moves are then of the
latter half of games. Restart is for those who play well already (``restart_after``). The ends of a beginner's games are
boards in disorder: learned from too early, they are what large tiles are known from, and the agent heads for them
ever after, with its largest tile beside a corner instead of in it (docs/recipes.md).

**Carousel.** The tiles of a set (16384 and 8192, say) divide a game into stages: stage s is the number whose bits say
which of them are there, the largest first. The last `CAROUSEL_SIZE` boards with which each stage began are remembered.
After a game from the start comes one from a random first board of stage 1, of stage 2, and so on, until a stage has
none; then the next begins at the start again.

A *game* here is one from the start and all that follow from it; an *episode* is any way to a full board. Both ways
together: each episode of the carousel has its restarts.

References
----------
Matsuzaki, "Developing a 2048 player with backward temporal coherence learning and restart", ACG 2017, LNCS 10664,
https://doi.org/10.1007/978-3-319-71649-7_15 (restart).
Jaśkowski, IEEE Trans. Games 10(1), 2018, https://doi.org/10.1109/TCIAIG.2017.2651887 (carousel shaping).

Notes
-----
Departures from Jaśkowski's carousel: each thread remembers boards of its own; the stages of the carousel need not be
those of the network; a stage that is entered twice in a game is remembered twice.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from agents._instructions import extract_bits
from agents.learning_rules import Floats, Words, learn_backward, play_and_learn
from agents.networks import Layout
from agents.ntuple import Features, Weights, greedy_action, tiles_present
from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import draw

MIN_RESTART: Final = 10  # moves
CAROUSEL_SIZE: Final = 1000  # first boards that are remembered of each stage


@njit(
    "int64(uint64, uint64, uint64[::1], float32[::1], uint64[:, ::1], uint32[::1], uint64[:, ::1], float32[::1],"
    " uint32[:, ::1], float32[::1], float32[::1])"
)
def play_and_remember(
    board: np.uint64,
    high: np.uint64,
    rng: Words,
    weights: Weights,
    layout: Layout,
    tables: rules.RowTables,
    path: Words,
    path_rewards: Floats,
    features: Features,
    rewards: Floats,
    values: Floats,
) -> int:
    """Play a game to its end greedily, from a board on, with stream 0 of ``rng``; return the number of moves T.

    Fills the afterstates, ``path[:T]`` (T, 2) packed, and the rewards of the moves that made them,
    ``path_rewards[:T]``. The last three arguments are buffers of `agents.ntuple.greedy_action`.
    """
    t = 0
    while True:
        action = greedy_action(board, high, weights, np.float32(1), layout, tables, features, rewards, values)
        if action < 0:
            return t
        after, high, _ = rules.play(board, high, action, tables)
        path[t, 0] = after
        path[t, 1] = high
        path_rewards[t] = rewards[action]
        board = rules.spawn(after, draw(rng, 0))
        t += 1


@njit("void(uint64[:, ::1], uint64, uint64[:, :, ::1])")
def remember_stages(path: Words, tiles: np.uint64, carousel: Words) -> None:
    """Remember the afterstates of a game with which a stage began; changes ``carousel``.

    ``tiles``: the exponents that make the stages, as bits. ``carousel[s, 0, 0]`` counts the boards of stage s so far,
    and the last of them are in the rows that follow, packed, the newest in the place of the oldest.
    """
    size = np.uint64(carousel.shape[1] - 1)
    before = np.uint64(0)
    for t in range(len(path)):
        stage = extract_bits(tiles_present(path[t, 0]), tiles)
        if t > 0 and stage != before:
            place = np.uint64(1) + carousel[stage, 0, 0] % size
            carousel[stage, place] = path[t]
            carousel[stage, 0, 0] += np.uint64(1)
        before = stage


@njit(
    "float64(uint64[::1], float32[::1], float32[::1], uint64[:, ::1], uint32[::1], uint64, float32, float32[::1],"
    " float32[::1], int64, int64, float64[::1], uint64, uint64[:, :, ::1], uint64[:, ::1], float32[::1],"
    " uint32[:, ::1], uint32[:, ::1], int64[:, ::1])"
)
def train_games(
    rng: Words,
    weights: Weights,
    coherence: Weights,
    layout: Layout,
    tables: rules.RowTables,
    empty: np.uint64,
    initial: np.float32,
    trace_decays: Floats,
    alphas: Floats,
    first_coherent: int,
    delay: int,
    restarts: npt.NDArray[np.float64],
    tiles: np.uint64,
    carousel: Words,
    path: Words,
    path_rewards: Floats,
    window: Features,
    features: Features,
    results: npt.NDArray[np.int64],
) -> float:
    """Play and learn games; return sum |delta|.

    Fills ``results`` (n_games, 4): score and largest exponent of each game, moves and episodes with all that followed
    from it. ``trace_decays[i]``, ``alphas[i]`` and ``restarts[i]`` are lambda, alpha and the share to restart from of
    game i, and games from ``first_coherent`` on use temporal coherence; ``empty`` is the board before the first two
    tiles. ``delay`` 0: learn backward. ``tiles`` and ``carousel``: see `remember_stages`; 0: no carousel. Advances
    stream 0 of ``rng``; changes ``weights``, ``coherence`` and ``carousel``. ``path`` (`agents.base.MAX_MOVES`, 2),
    ``path_rewards``, ``window`` (delay + 1, m) and ``features`` (4, m) are buffers.
    """
    rewards = np.empty(4, np.float32)
    values = np.empty(4, np.float32)
    total_error = 0.0
    for game in range(len(results)):
        used = coherence if game >= first_coherent else coherence[:0]
        results[game] = 0
        stage = 0
        while stage == 0 or (stage < len(carousel) and carousel[stage, 0, 0] > np.uint64(0)):
            if stage == 0:
                board = rules.spawn(empty, draw(rng, 0))
                high = np.uint64(0)
            else:
                known = min(carousel[stage, 0, 0], np.uint64(carousel.shape[1] - 1))
                place = np.uint64(1) + (draw(rng, 0) >> np.uint64(16)) % known
                board = carousel[stage, place, 0]
                high = carousel[stage, place, 1]
            board = rules.spawn(board, draw(rng, 0))
            while True:
                if delay > 0:
                    t, error = play_and_learn(
                        board, high, rng, weights, used, layout, tables, initial, trace_decays[game], alphas[game],
                        delay, path, path_rewards, window, features, rewards, values,
                    )  # fmt: skip
                else:
                    t = play_and_remember(
                        board, high, rng, weights, layout, tables, path, path_rewards, features, rewards, values
                    )
                    error = learn_backward(
                        path[:t], path_rewards, weights, used, layout, initial, trace_decays[game], alphas[game],
                        features,
                    )  # fmt: skip
                total_error += error
                results[game, 2] += t
                results[game, 3] += 1
                if results[game, 3] == 1:
                    for i in range(t):
                        results[game, 0] += int(path_rewards[i])
                    results[game, 1] = rules.largest_exponent(path[t - 1, 0] & ~empty, path[t - 1, 1])
                if tiles != np.uint64(0):
                    remember_stages(path[:t], tiles, carousel)
                if restarts[game] == 0.0 or t < MIN_RESTART:
                    break
                back = int(restarts[game] * t)
                board = rules.spawn(path[back, 0], draw(rng, 0))
                high = path[back, 1]
            stage += 1
    return total_error
