"""Expectimax by recursion over lists: the naive twin of `agents.expectimax`, `agents.ntuple_search` and
`agents.downgrading`.
"""

from tests.oracles import board as naive

TILES = ((1, 9), (2, 1))  # exponent, and how often of ten times


def move_values(cells, depth, leaf, probability=1.0, **changes):
    """Q_depth of each action, by action, of a board that is reached with a probability.

    ``wanted(cells, actions)`` may leave some out, but for the first move; with ``p_cut``, afterstates that are less
    likely are leaves.
    """
    options = {
        "of": "afterstates",
        "reward": None,
        "discount": 1.0,
        "end": 0.0,
        "wanted": None,
        "p_cut": 0.0,
        **changes,
    }
    reward, values = options["reward"], {}
    for action in naive.legal_actions(cells):
        after, points = naive.slide(cells, action)
        earned = points if reward is None else reward(points, cells)
        values[action] = float(earned + afterstate_value(after, depth, leaf, probability, options))
    return values


def afterstate_value(after, depth, leaf, probability, options):
    if depth == 1 and options["of"] == "afterstates":
        return leaf(after)
    if probability < options["p_cut"]:
        return float(leaf(after))
    empty = [(row, column) for row in range(4) for column in range(4) if not after[row][column]]
    total = 0
    for row, column in empty:
        for exponent, weight in TILES:
            cells = [line[:] for line in after]
            cells[row][column] = exponent
            chance = probability * weight / (10 * len(empty))
            total += weight * state_value(cells, depth - 1, leaf, chance, options)
    return total / (10 * len(empty))


def state_value(cells, depth, leaf, probability, options):
    if not naive.legal_actions(cells):
        return options["end"]
    if depth == 0:
        return options["discount"] * leaf(cells)
    values = move_values(cells, depth, leaf, probability, **options)
    wanted = values if options["wanted"] is None else options["wanted"](cells, list(values))
    return options["discount"] * max(values[action] for action in wanted)


def downgraded(cells):
    """A board whose tiles above the largest gap are halved, as long as there is one above 16384."""
    exponents = {e for row in cells for e in row}
    missing = set(range(1, max(exponents))) - exponents
    if max(exponents) <= 14 or not missing:
        return cells
    return downgraded([[e - (e > max(missing)) for e in row] for row in cells])
