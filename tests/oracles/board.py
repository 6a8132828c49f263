"""2048 with lists and loops: the naive twin of `game2048.board` and `game2048.rng`."""

Cells = list[list[int]]  # exponents


def slide_line(line: list[int]) -> tuple[list[int], int]:
    """Slide one line to the left."""
    tiles = [e for e in line if e]
    result, reward, i = [], 0, 0
    while i < len(tiles):
        if i + 1 < len(tiles) and tiles[i] == tiles[i + 1] and tiles[i] < 17:
            result.append(tiles[i] + 1)
            reward += 2 ** (tiles[i] + 1)
            i += 2
        else:
            result.append(tiles[i])
            i += 1
    return result + [0] * (4 - len(result)), reward


def transposed(cells: Cells) -> Cells:
    return [list(column) for column in zip(*cells, strict=True)]


def mirrored(cells: Cells) -> Cells:
    return [row[::-1] for row in cells]


def slide(cells: Cells, action: int) -> tuple[Cells, int]:
    """Slide a board: 0 up, 1 right, 2 down, 3 left."""
    if action in (0, 2):
        moved, reward = slide(transposed(cells), 3 if action == 0 else 1)
        return transposed(moved), reward
    if action == 1:
        moved, reward = slide(mirrored(cells), 3)
        return mirrored(moved), reward
    lines = [slide_line(row) for row in cells]
    return [line for line, _ in lines], sum(reward for _, reward in lines)


def legal_actions(cells: Cells) -> list[int]:
    return [action for action in range(4) if slide(cells, action)[0] != cells]


class NaiveRandom:
    """SplitMix64 with Python's integers."""

    def __init__(self, seed: int) -> None:
        self.state = mix((seed + 0x9E3779B97F4A7C15) % 2**64)

    def draw(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        return mix(self.state)


def mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def spawn(cells: Cells, bits: int) -> None:
    """Add a tile, in place: bits 63-40 choose the cell, bits 39-16 the value."""
    empty = [(r, c) for r in range(4) for c in range(4) if not cells[r][c]]
    r, c = empty[(bits >> 40) * len(empty) // 2**24]
    cells[r][c] = 2 if (bits >> 16) % 2**24 < 0.1 * 2**24 else 1


class NaiveGame:
    """A game of lists."""

    def __init__(self, seed: int) -> None:
        self.random = NaiveRandom(seed)
        self.cells = [[0] * 4 for _ in range(4)]
        self.score = 0
        spawn(self.cells, self.random.draw())
        spawn(self.cells, self.random.draw())

    def play(self, action: int) -> int:
        self.cells, reward = slide(self.cells, action)
        self.score += reward
        spawn(self.cells, self.random.draw())
        return reward
