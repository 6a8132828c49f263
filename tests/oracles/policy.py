"""What the policy network's first layers and distributions compute, one number at a time."""

import math

LINES = [[4 * i + j for j in range(4)] for i in range(4)]
TUPLES = [
    *LINES,
    *[[4 * i + j for i in range(4)] for j in range(4)],
    *[[4 * i + j, 4 * i + j + 1, 4 * i + j + 4, 4 * i + j + 5] for i in range(3) for j in range(3)],
]
"""Cells of the 17 4-tuples, lowest digit first: rows, columns, squares."""


def tuple_rows(cells):
    """Return the row of each table that a board of 16 exponents reads."""
    return [65536 * t + sum(cells[c] * 16**k for k, c in enumerate(tuple_)) for t, tuple_ in enumerate(TUPLES)]


def one_hot(cells):
    """Return 256 numbers: for each cell, 1 at its exponent."""
    return [1.0 if exponent == e else 0.0 for exponent in cells for e in range(16)]


def log_softmax(logits, mask):
    """Return log p of the legal actions, None for the others; of all where none is legal."""
    legal = [a for a in range(4) if mask[a]] or list(range(4))
    total = sum(math.exp(logits[a]) for a in legal)
    return [logits[a] - math.log(total) if a in legal else None for a in range(4)]


def draw(log_probs, u):
    """Return the action at u of the cumulative distribution; the last legal one beyond its end."""
    below, action = 0.0, None
    for a, log_p in enumerate(log_probs):
        if log_p is None:
            continue
        action, below = a, below + math.exp(log_p)
        if u < below:
            break
    return action


def adam_row(row, grad, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Apply Adam to a row {"w", "m", "v", "t"} of lists, in place."""
    row["t"] += 1
    for j, g in enumerate(grad):
        row["m"][j] = beta1 * row["m"][j] + (1 - beta1) * g
        row["v"][j] = beta2 * row["v"][j] + (1 - beta2) * g * g
        mean, square = row["m"][j] / (1 - beta1 ** row["t"]), row["v"][j] / (1 - beta2 ** row["t"])
        row["w"][j] -= lr * mean / (math.sqrt(square) + eps)


def sparse_adam(table, rows, deltas, lr):
    """Change the rows {number: row} that some boards read, each by the sum of the deltas of its boards."""
    grads = {}
    for board_rows, delta in zip(rows, deltas, strict=True):
        for number in board_rows:
            grads[number] = [a + b for a, b in zip(grads.get(number, [0.0] * len(delta)), delta, strict=True)]
    for number, grad in grads.items():
        zeros = {name: [0.0] * len(grad) for name in "wmv"}
        adam_row(table.setdefault(number, {**zeros, "t": 0}), grad, lr)
