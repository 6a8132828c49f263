"""Learning rules in plain Python: the naive twin of `agents.learning_rules` and `agents.episodes`.

Sums of weights are those of the kernels, which have twins of their own (`tests.oracles.td`). All else is one equation a
line, in float32 and in the order of the equations: so the twins agree bit for bit, and choose the same moves.
"""

import numpy as np

from agents.ntuple import sum_weights, write_features
from game2048 import board as rules
from game2048.rng import game_seeds
from tests.oracles.board import NaiveRandom

RING = 1000
f32 = np.float32


class NaiveLearning:
    """Plays and learns as the docstrings say."""

    def __init__(self, settings, network, seed):
        self.settings, self.network = settings, network
        self.rng = NaiveRandom(int(game_seeds(seed, 1)[0]))
        self.weights = np.zeros(network.n_weights, f32)
        self.coherence = np.zeros((network.n_weights, 2), f32)
        self.games = self.n_moves = self.n_episodes = 0
        self.remembered = [[] for _ in range(2 ** len(settings.carousel_tiles))]

    # --- the network ---

    def features(self, board):
        out = np.empty((1, self.network.n_features), np.uint32)
        write_features(board, self.network.layout, out, 0)
        return out[0]

    def points(self, board):
        """V(s) - V_0."""
        return f32(sum_weights(self.weights, self.features(board)[None], 0, self.network.stage_size))

    def value(self, board):
        return f32(self.settings.initial) + self.points(board)

    def promote(self, i):
        """Where a weight is 0, give it that of the stage before, with E and A."""
        for j in range(i, -1, -self.network.stage_size):
            if self.weights[j]:
                self.weights[i], self.coherence[i] = self.weights[j], self.coherence[j]
                return

    def step(self, board, target):
        """w_i += d |E_i| / A_i, or w_i += d."""
        coherent = self.games >= self.settings.coherence_from * self.settings.planned_games
        coherent = coherent and self.settings.coherence_from < 1
        alpha = self.settings.alpha if coherent else self.settings.plain_alpha
        n_drops = sum(self.games >= share * self.settings.planned_games for share in self.settings.alpha_drops)
        d = f32(alpha * 0.1**n_drops) / f32(self.network.n_features) * (target - self.value(board))
        for i in self.features(board).tolist():
            self.promote(i)
        for i in self.features(board).tolist():
            e, a = self.coherence[i]
            self.weights[i] += d * (abs(e) / a) if coherent and a else d
            if coherent:
                self.coherence[i] += d, abs(d)

    # --- games ---

    def play_game(self):
        """Play and learn a game and all that follow from it; return its score."""
        score = self.chain(self.spawn(0))
        stage = 1
        while stage < len(self.remembered) and self.remembered[stage]:
            ring = self.remembered[stage]
            self.chain(ring[(self.rng.draw() >> 16) % len(ring)])
            stage += 1
        self.games += 1
        return score

    def chain(self, board):
        """Play from an afterstate, with restarts; return the points of the first episode."""
        path, rewards = self.episode(self.spawn(board))
        points = int(sum(rewards))
        share = self.settings.restart if self.games >= self.settings.restart_after else 0
        while share and len(path) >= 10:
            path, _ = self.episode(self.spawn(path[int(share * len(path))]))
        return points

    def spawn(self, board):
        return int(rules.spawn(board, self.rng.draw()))

    def episode(self, board):
        path, rewards = [], []
        delay, decay = self.settings.delay, f32(self.settings.trace_decay_start)
        while (move := self.best(board)) is not None:
            path.append(move[0])
            rewards.append(move[1])
            if delay and len(path) > delay:
                t = len(path) - 1 - delay
                self.step(path[t], self.lambda_return(path[t:], rewards[t:], decay, self.value(path[-1])))
            board = self.spawn(move[0])
        if delay:
            for t in range(max(0, len(path) - delay), len(path)):
                self.step(path[t], self.lambda_return(path[t:], rewards[t:], decay, f32(0)))
        else:
            z = f32(0)
            for after, reward in reversed(list(zip(path, rewards, strict=True))):
                self.step(after, z)
                z = reward + decay * z + (f32(1) - decay) * self.value(after)
        self.n_moves += len(path)
        self.n_episodes += 1
        self.remember(path)
        return path, rewards

    def best(self, board):
        """The afterstate and reward of the greedy move, the first of equals."""
        moves = []
        for action in range(4):
            after, _, reward = rules.play(board, 0, action, rules.row_tables())
            if int(after) != board:
                moves.append((f32(int(reward)) + self.points(after), -action, int(after), f32(int(reward))))
        return max(moves)[2:] if moves else None

    def lambda_return(self, path, rewards, decay, cut):
        """z_0, where z at the last afterstate is ``cut``: its value, or 0 when the game is over."""
        z = cut
        for k in range(len(path) - 1, 0, -1):
            z = rewards[k] + decay * z + (f32(1) - decay) * self.value(path[k])
        return z

    def remember(self, path):
        tiles = sorted(self.settings.carousel_tiles)
        present = [{board >> 4 * cell & 15 for cell in range(16)} for board in path]
        stages = [sum((tile in some) << i for i, tile in enumerate(tiles)) for some in present]
        for before, stage, board in zip(stages, stages[1:], path[1:], strict=False):
            if stage != before:
                assert len(self.remembered[stage]) < RING
                self.remembered[stage].append(board)
