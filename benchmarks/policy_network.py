"""Measure policy networks: boards a second of one core, forwards and with everything that learning takes.

    python -m benchmarks.policy_network            a table
    python -m benchmarks.policy_network --json     one JSON object

"Play" is what a roll-out does: legal actions, logits and values without recording, log-probabilities. "Learn" is all of
that recorded, an actor-critic loss with entropy, the way back, and the step of Adam. Batches are of 4,096 boards of
random games. Rates are those of processor time in the fastest round, after everything is compiled. Where PyTorch is
installed, the first network is measured there too, with its `EmbeddingBag`.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

import nets
from agents.policy.boards import action_masks, exponents
from agents.policy.distribution import entropy, masked_log_softmax, policy_loss, sample
from agents.policy.games import LockstepGames
from agents.policy.network import NetworkConfig, PolicyNetwork, build_network
from game2048.benchmark import machine

THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
BATCH: Final = 4096
LR: Final = 1e-3
NETWORKS: Final = {
    "mlp 256 x 2": NetworkConfig(),
    "mlp 256 x 3": NetworkConfig(depth=3),
    "mlp 512 x 2": NetworkConfig(width=512, hidden=512),
    "mlp 256 x 2, embedding 16": NetworkConfig(inputs="embedding"),
    "mlp 64, 256, tuples": NetworkConfig(inputs="tuples", width=64),
    "conv 64 x 2, 256": NetworkConfig(body="conv", width=64),
    "conv 64 x 2, 256, embedding 16": NetworkConfig(body="conv", inputs="embedding", width=64),
    "conv 128 x 3, 256": NetworkConfig(body="conv", width=128, depth=3),
    "transformer 32 x 2, 256": NetworkConfig(body="transformer", width=32),
    "transformer 64 x 2, 256": NetworkConfig(body="transformer", width=64),
}

Boards = npt.NDArray[np.uint64]
Steps = tuple[Callable[[], object], Callable[[], object]]


def some_boards(n_steps: int = 100) -> Boards:
    """Return the boards of random games after some steps."""
    games, random = LockstepGames(BATCH, 0), np.random.default_rng(0)
    zeros = nets.Tensor(np.zeros((BATCH, 4), np.float32))
    for _ in range(n_steps):
        log_probs = masked_log_softmax(zeros, action_masks(games.boards)).data
        games.step(sample(log_probs, random.random(BATCH, np.float32)))
    return games.boards.copy()


def targets() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return actions, advantages and returns: anything."""
    random = np.random.default_rng(1)
    return (
        random.integers(0, 4, BATCH, np.uint8),
        random.standard_normal(BATCH, np.float32),
        random.standard_normal(BATCH, np.float32),
    )


def ours(network: PolicyNetwork, boards: Boards) -> Steps:
    """Return a step of play and one of learning."""
    optimizer = nets.optim.Adam(network.parameters(), lr=LR)
    actions, advantages, returns = targets()

    def play() -> None:
        with nets.no_grad():
            logits, _ = network(boards)
            masked_log_softmax(logits, action_masks(boards))

    def learn() -> None:
        optimizer.zero_grad()
        logits, values = network(boards)
        # Masked as in play, but for the actions above, which need not be legal.
        log_probs = masked_log_softmax(logits, action_masks(boards) | True)
        loss = policy_loss(log_probs, actions, advantages / BATCH) - (0.01 / BATCH) * entropy(log_probs).sum()
        error = values - returns
        (loss + (0.5 / BATCH) * (error * error).sum()).backward()
        optimizer.step()
        network.sparse_step(LR)

    return play, learn


def pytorch(boards: Boards) -> Steps | None:
    """Return the same steps of an mlp 256 x 2 in PyTorch; None where it is not installed."""
    try:
        torch: Any = import_module("torch")
    except ImportError:
        return None
    torch.set_num_threads(1)
    first, second = torch.nn.EmbeddingBag(256, 256, mode="sum"), torch.nn.Linear(256, 256)
    heads = torch.nn.Linear(256, 5)
    bias = torch.nn.Parameter(torch.zeros(256))
    parameters = [*first.parameters(), *second.parameters(), *heads.parameters(), bias]
    optimizer = torch.optim.Adam(parameters, lr=LR)
    actions, advantages, returns = map(torch.from_numpy, targets())
    offsets = 16 * np.arange(16)

    def forward() -> tuple[Any, Any]:
        x = first(torch.from_numpy(exponents(boards) + offsets))
        y = heads(second((x + bias).relu()).relu())
        masks = torch.from_numpy(action_masks(boards) | True)
        return y[:, :4].masked_fill(~masks, -1e9).log_softmax(1), y[:, 4]

    def play() -> None:
        with torch.inference_mode():
            forward()

    def learn() -> None:
        optimizer.zero_grad()
        log_probs, values = forward()
        chosen = log_probs.gather(1, actions.long()[:, None])[:, 0]
        uncertainty = -(log_probs.exp() * log_probs).sum(1)
        loss = -(chosen * advantages).mean() - 0.01 * uncertainty.mean() + 0.5 * ((values - returns) ** 2).mean()
        loss.backward()
        optimizer.step()

    return play, learn


def measure(n_rounds: int) -> list[dict[str, Any]]:
    """Return a row for each network; they take turns in every round."""
    boards = some_boards()
    settings: dict[str, NetworkConfig | None] = dict(NETWORKS)
    steps = {name: ours(build_network(c, np.random.default_rng(0)), boards) for name, c in NETWORKS.items()}
    if (others := pytorch(boards)) is not None:
        steps["PyTorch, mlp 256 x 2"], settings["PyTorch, mlp 256 x 2"] = others, None
    best = {name: [float("inf"), float("inf")] for name in steps}
    for _ in range(n_rounds + 1):  # the first compiles
        for name, pair in steps.items():
            for i, step in enumerate(pair):
                best[name][i] = min(best[name][i], seconds(step))
    return [
        {
            "network": name,
            "parameters": None if (c := settings[name]) is None else c.n_parameters,
            "training_bytes": None if c is None else c.training_bytes,
            "play_boards_per_second": round(BATCH / play),
            "learn_boards_per_second": round(BATCH / learn),
        }
        for name, (play, learn) in best.items()
    ]


def seconds(step: Callable[[], object]) -> float:
    """Return the processor time of a step."""
    start = time.thread_time()
    step()
    return time.thread_time() - start


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows as a table for the terminal."""
    result = Table(title=f"Policy networks, batches of {BATCH:,} boards")
    result.add_column("network", no_wrap=True)
    for heading in ("parameters", "memory, MB", "play, boards/s", "ms per 1,000", "learn, boards/s", "ms per 1,000"):
        result.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        play, learn = row["play_boards_per_second"], row["learn_boards_per_second"]
        result.add_row(
            row["network"],
            "" if row["parameters"] is None else f"{row['parameters']:,}",
            "" if row["training_bytes"] is None else f"{row['training_bytes'] / 1e6:,.1f}",
            f"{play:,}",
            f"{1e6 / play:,.2f}",
            f"{learn:,}",
            f"{1e6 / learn:,.2f}",
        )
    result.caption = f"One thread of {machine()['cpu']}, fastest round; memory as if every row of tables were seen."
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()

    if any(os.environ.get(variable) != "1" for variable in THREADS):  # they are read when NumPy is loaded
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.policy_network", *sys.argv[1:]])
    rows = measure(arguments.rounds)
    if arguments.json:
        json.dump({"networks": rows, "batch": BATCH, "machine": machine()}, sys.stdout, indent=2)
        print()
    else:
        Console().print(table(rows))


if __name__ == "__main__":
    main()
