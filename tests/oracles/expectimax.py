"""Expectimax by recursion over lists: the naive twin of `agents.expectimax` and `agents.ntuple_search`."""

from tests.oracles import board as naive

TILES = ((1, 9), (2, 1))  # exponent, and how often of ten times


def move_values(cells, depth, leaf, *, of="afterstates", reward=None, discount=1.0, end=0.0, wanted=None):
    """Q_depth of each action, by action; ``wanted(cells, actions)`` may leave some out, but for the first move."""
    options = {"of": of, "reward": reward, "discount": discount, "end": end, "wanted": wanted}
    values = {}
    for action in naive.legal_actions(cells):
        after, points = naive.slide(cells, action)
        earned = points if reward is None else reward(points, cells)
        values[action] = float(earned + afterstate_value(after, depth, leaf, options))
    return values


def afterstate_value(after, depth, leaf, options):
    if depth == 1 and options["of"] == "afterstates":
        return leaf(after)
    total = n_empty = 0
    for row in range(4):
        for column in range(4):
            if after[row][column]:
                continue
            n_empty += 1
            for exponent, weight in TILES:
                cells = [line[:] for line in after]
                cells[row][column] = exponent
                total += weight * state_value(cells, depth - 1, leaf, options)
    return total / (10 * n_empty)


def state_value(cells, depth, leaf, options):
    if not naive.legal_actions(cells):
        return options["end"]
    if depth == 0:
        return options["discount"] * leaf(cells)
    values = move_values(cells, depth, leaf, **options)
    wanted = values if options["wanted"] is None else options["wanted"](cells, list(values))
    return options["discount"] * max(values[action] for action in wanted)
