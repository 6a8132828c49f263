"""The n-tuple policy: the largest sparse first layer there is, and nothing after it.

The preference for an action is read off the afterstate s'_a that it leads to, by the look-ups of an n-tuple network
(`agents.ntuple`), m = 48 features f_i of 67 million, one weight each, and a term for the points that it pays::

    logit(s, a) = sum_i w[f_i(s'_a)] + w_r log2(r(s, a)) / 16        (r > 0)

So symmetric boards have symmetric policies. The policy has no value of its own: it learns from the values of
`agents.policy.critic`, or from the moves of a teacher.

A batch sees few of the weights, so these are no parameters (w_r is one): they learn by Adagrad, one example after the
other, each weight with its own sum of squared gradients g of single examples::

    G_w += g^2        w -= 400 lr g / sqrt(G_w + eps)

References
----------
Szubert and Jaśkowski, IEEE CIG 2014, https://doi.org/10.1109/CIG.2014.6932907 (n-tuple networks for 2048).
Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12, 2011,
https://jmlr.org/papers/v12/duchi11a.html.

Notes
-----
Departures from Adagrad: (1) eps stands within the root, where it keeps the first steps of a weight small; (2) a batch's
gradients are taken at its beginning, but summed into G one by one, not as the batch's mean; (3) a weight that two
features of an afterstate share moves twice, by the same step; (4) the factor 400 lets one learning rate suit this
policy and networks that learn by Adam.
"""

import weakref
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

import nets
from agents._instructions import prefetch
from agents.networks import Layout
from agents.ntuple import write_features
from agents.policy.boards import N_ACTIONS, Boards, action_masks
from agents.policy.checkpoint_v1 import upgraded_tables
from agents.policy.config import NTUPLE_NETWORK
from game2048 import board as rules
from game2048._jit import njit
from nets.tensor import record_joint

EPS: Final = 0.01
RATE: Final = 400.0
SMALLEST: Final = 1e-4  # gradients of single examples below this are passed over
N_FEATURES: Final = NTUPLE_NETWORK.n_features
N_WEIGHTS: Final = NTUPLE_NETWORK.n_weights
GROUPS: Final = tuple(tuple(range(start, start + 8)) for start in range(0, N_FEATURES, 8))
"""Which features look into the same table: those of each pattern on the eight symmetric boards."""

ActionFeatures = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]
State = dict[str, npt.NDArray[Any]]


# --- kernels ---


@njit(
    "void(uint64[::1], float32[::1], uint64[:, ::1], uint32[::1], uint32[:, :, ::1], float32[:, ::1], float32[:, ::1])"
)
def write_preferences(
    boards: Boards,
    store: Floats,
    layout: Layout,
    tables: rules.RowTables,
    features: ActionFeatures,
    sums: Floats,
    points: Floats,
) -> None:
    """Write features (n, 4, m), sums of weights (n, 4) and log2(points) / 16 (n, 4) of n boards' legal actions.

    Where an action is illegal, the last two are 0, and the features are left as they are. ``store`` holds weights and
    sums of squares in turn, w_0, G_0, w_1, ...
    """
    for i in range(boards.size):
        mask = rules.action_mask(boards[i])
        for action in range(4):
            sums[i, action] = points[i, action] = np.float32(0)
            if mask >> action & 1:
                after, _, reward = rules.play(boards[i], np.uint64(0), action, tables)
                write_features(after, layout, features[i], action)
                for j in range(N_FEATURES):
                    prefetch(store, 2 * int(features[i, action, j]))
                if reward != np.uint64(0):
                    points[i, action] = np.float32(np.log2(np.float32(np.int64(reward))) / np.float32(16))
        for action in range(4):
            if mask >> action & 1:
                total = np.float32(0)
                for j in range(N_FEATURES):
                    total += store[2 * int(features[i, action, j])]
                sums[i, action] = total


@njit("void(int64[::1], uint32[:, :, ::1], float32[:, ::1], float32, float32[::1], float32)")
def learn_preferences(
    places: npt.NDArray[np.int64],
    features: ActionFeatures,
    gradients: Floats,
    scale: np.float32,
    store: Floats,
    lr: np.float32,
) -> None:
    """Change what some of the m features look up, in ``store``, by ``scale * gradients`` (n, 4) of the logits.

    The weights of an example are fetched from memory while those of the one before are changed; roots and quotients are
    computed for all places at once.
    """
    small, eps = np.float32(SMALLEST), np.float32(EPS)
    n = len(gradients)
    weights = np.empty(places.size, np.int64)
    steps = np.empty(places.size, np.float32)
    for i in range(n):
        if i + 1 < n:
            for action in range(4):
                if abs(scale * gradients[i + 1, action]) >= small:
                    for k in range(places.size):
                        prefetch(store, 2 * int(features[i + 1, action, places[k]]))
        for action in range(4):
            g = scale * gradients[i, action]
            if not abs(g) >= small:
                continue
            square = g * g
            for k in range(places.size):
                weights[k] = 2 * int(features[i, action, places[k]])
                store[weights[k] + 1] += square
            for k in range(places.size):
                steps[k] = store[weights[k] + 1]
            for k in range(places.size):
                steps[k] = lr * g / np.sqrt(steps[k] + eps)
            for k in range(places.size):
                store[weights[k]] -= steps[k]


# --- what is kept ---


class NTupleStore:
    """Weights and sums of squared gradients, shared by all replicas of a policy.

    Attributes
    ----------
    pairs : ndarray of float32, shape (2 * 67239936,)
        w and G of every weight, side by side, as they are needed together; 513 MiB, of which only what was seen takes
        memory.
    """

    def __init__(self) -> None:
        self.members: list[weakref.ref[NTuplePreferences]] = []
        self.forget()

    def forget(self) -> None:
        """Begin with zeros, which take no memory."""
        self.pairs: Floats = np.zeros(2 * N_WEIGHTS, np.float32)

    @property
    def weights(self) -> Floats:
        """The weights, shape (67239936,); a view."""
        return self.pairs[0::2]

    @property
    def squares(self) -> Floats:
        """The sums of squares, shape (67239936,); a view."""
        return self.pairs[1::2]

    def state(self) -> State:
        """Return ``places``, which weights were ever changed, and ``weights``."""
        places = self._seen()
        return {"places": places.astype(np.uint32), "weights": self.weights[places]}

    def optimizer_state(self) -> State:
        """Return ``squares`` of the same weights."""
        return {"squares": self.squares[self._seen()]}

    def _seen(self) -> npt.NDArray[np.intp]:
        """Return the weights with G > 0; all others are 0 like their G, so that pairs are compared as one word."""
        return np.flatnonzero(self.pairs.view(np.uint64))

    def restore(self, state: State) -> None:
        """Hold the weights of a state; without squares they learn on as if seen once, with a gradient of 1."""
        self.forget()
        self.weights[state["places"]] = state["weights"]
        self.squares[state["places"]] = state.get("squares", np.float32(1))


class NTuplePreferences(nets.Module):
    """Logits of boards from the n-tuple tables and the points of each move; a copy looks at the same tables.

    Attributes
    ----------
    merging : Parameter, shape (1,)
        w_r.
    """

    states: ClassVar = ({"places", "weights"}, {"rows", "weights"})
    """Names in states that `load` takes; ``rows`` in those of version 1."""

    def __init__(self) -> None:
        self.merging = nets.Parameter(np.zeros(1))
        self._tables = rules.row_tables()
        self._join(NTupleStore())

    def _join(self, store: NTupleStore) -> None:
        self._store = store
        self._gradients: list[tuple[ActionFeatures, Floats]] = []
        store.members.append(weakref.ref(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> "NTuplePreferences":
        other = copy(self)
        other.merging = nets.Parameter(self.merging.data.copy())
        other._join(self._store)
        return other

    def forward(self, boards: Boards) -> nets.Tensor:
        """Return logits, shape (n, 4), of packed boards (n,); those of illegal actions are 0 and nothing to learn."""
        n, legal = boards.size, action_masks(boards)  # an illegal action has no features to follow
        features = np.empty((n, N_ACTIONS, N_FEATURES), np.uint32)
        sums, points = np.empty((n, N_ACTIONS), np.float32), np.empty((n, N_ACTIONS), np.float32)
        write_preferences(boards, self._store.pairs, NTUPLE_NETWORK.layout, self._tables, features, sums, points)
        scaled = nets.Tensor(points) * self.merging

        def backward(grad: Any) -> tuple[Any]:
            self._gradients.append((features, np.require(grad * legal, np.float32, ["C", "W"])))
            return (grad,)

        return record_joint("ntuple_preferences", sums + scaled.data, (scaled,), backward)

    def share(self, other: "NTuplePreferences") -> None:
        """Look at the tables of another one from now on, as a copy of it does from the beginning."""
        if other._store is not self._store:
            self._join(other._store)

    # --- learning ---

    def zero_grad(self) -> None:
        """Forget the gradients of this replica."""
        super().zero_grad()
        self._gradients = []

    def step(self, lr: float, n_threads: int = 1) -> None:
        """Learn from the gradients of all who share these tables since the last step.

        The loss is taken to be the mean over all boards of the batch: times their number, the gradient of the logits is
        that of a single example.
        """
        found = (member() for member in self._store.members)
        members = [member for member in found if member is not None and member._store is self._store]
        batch = [gradients for member in members for gradients in member._gradients]
        for member in members:
            member._gradients = []
        scale = np.float32(sum(len(gradients) for _, gradients in batch))
        pairs = self._store.pairs

        def work(groups: tuple[tuple[int, ...], ...]) -> None:
            places = np.array(sum(groups, ()), np.int64)
            for features, gradients in batch:
                learn_preferences(places, features, gradients, scale, pairs, np.float32(RATE * lr))

        if n_threads == 1:
            return work(GROUPS)
        shares = [GROUPS[i::n_threads] for i in range(min(n_threads, len(GROUPS)))]
        with ThreadPoolExecutor(len(shares) - 1) as pool:
            others = [pool.submit(work, share) for share in shares[1:]]
            work(shares[0])
        for other in others:
            other.result()
        return None

    # --- saving ---

    def table_state(self) -> State:
        """Return ``places``, ndarray of uint32, shape (seen,), and ``weights``, shape (seen,)."""
        return self._store.state()

    def optimizer_state(self) -> State:
        """Return ``squares`` of the weights seen: what the next steps depend on beside."""
        return self._store.optimizer_state()

    def checked(self, state: State) -> State:
        """Return a state, which may be of version 1; raise CheckpointError if it is not one of these tables."""
        if "rows" in state:
            self.checked({"places": state["rows"], **{name: state[name] for name in state.keys() - {"rows"}}})
            return upgraded_tables(state)
        places = np.asarray(state["places"])
        if places.ndim != 1 or places.dtype.kind not in "iu" or (places.size and int(places.max()) >= N_WEIGHTS):
            raise nets.CheckpointError(
                f"tensor places must be ints below {N_WEIGHTS}, got {places.dtype} {places.shape}"
            )
        for name in state.keys() - {"places"}:
            array = np.asarray(state[name])
            if array.shape != places.shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise nets.CheckpointError(
                    f"tensor {name} must be finite float32 of shape {places.shape}, got {array.dtype} {array.shape}"
                )
        return state

    def load(self, state: State) -> None:
        """Go on with `table_state` and, if it is to learn on exactly, `optimizer_state` in one dictionary.

        Raises
        ------
        CheckpointError
            If it does not fit; nothing changes then.
        """
        self._store.restore(self.checked(state))
