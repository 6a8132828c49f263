"""A replay buffer that remembers everything in lists: the naive twin of `agents.policy.replay`."""

import numpy as np


class NaiveReplay:
    """Every step of every game ever added; only the newest ``n_rows`` of each count."""

    def __init__(self, n_games, n_rows, alpha=0.6):
        self.n_games, self.n_rows, self.alpha = n_games, n_rows, alpha
        self.rows = []  # (boards, actions, log_probs, rewards, over) of all games
        self.newest_boards = None
        self.priorities = {}
        self.largest = 1.0  # p^alpha

    def add(self, rollout):
        for t in range(rollout.actions.shape[0]):
            arrays = rollout.boards, rollout.actions, rollout.log_probs, rollout.rewards, rollout.over
            self.rows.append([array[t].copy() for array in arrays])
            for game in range(self.n_games):
                self.priorities[(len(self.rows) - 1) * self.n_games + game] = np.float32(self.largest)
        self.newest_boards = rollout.boards[-1].copy()

    def starts(self, length):
        """Indices of the steps from which ``length`` steps are there, the oldest first."""
        oldest = max(len(self.rows) - self.n_rows, 0)
        return list(range(oldest * self.n_games, (len(self.rows) - length + 1) * self.n_games))

    def sequence(self, index, length):
        """(boards, actions, log_probs, rewards, over) of one game."""
        step, game = divmod(index, self.n_games)
        rows = self.rows[step : step + length]
        after = self.rows[step + length][0] if step + length < len(self.rows) else self.newest_boards
        boards = [row[0][game] for row in rows] + [after[game]]
        return boards, *([row[field][game] for row in rows] for field in range(1, 5))

    def probabilities(self, length):
        p = np.array([self.priorities[index] for index in self.starts(length)], np.float64)
        return p / p.sum()

    def draw(self, length, shares):
        """Indices at some shares of the summed probabilities."""
        return [self.starts(length)[i] for i in np.searchsorted(np.cumsum(self.probabilities(length)), shares, "right")]

    def weights(self, indices, length, beta):
        p = dict(zip(self.starts(length), self.probabilities(length), strict=True))
        weights = [(len(p) * p[index]) ** -beta for index in indices]
        return np.array(weights) / max(weights)

    def update(self, indices, priorities):
        there = set(self.starts(1))
        for index, priority in zip(indices, priorities, strict=True):
            if index in there:
                self.priorities[index] = np.float32((priority + 1e-6) ** self.alpha)
                self.largest = max(self.largest, float(self.priorities[index]))
