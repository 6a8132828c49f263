"""Replicas: copies of a network that share its weights, whose gradients together are those of the whole batch."""

import threading

import numpy as np
import pytest

import nets
from nets.optim import Adam
from nets.replicas import Replicas, shares

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(10, 2)).astype(np.float32)


def network():
    rng = np.random.default_rng(2)
    return nets.Sequential(nets.Linear(3, 8, activation="tanh", generator=rng), nets.Linear(8, 2, generator=rng))


def objective(replica, part):
    """The part's share of the mean squared error, and what it is called."""
    loss = ((replica(X[part]) - Y[part]) ** 2).sum() / Y.size
    return loss, (part.start, float(loss))


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_gradients_of_all_parts_are_those_of_the_whole_batch(n_threads):
    one, many = network(), network()
    objective(one, slice(0, 10))[0].backward()

    results = Replicas(many, n_threads).gradients(objective, shares(10, n_threads))

    for (name, parameter), other in zip(one.named_parameters(), many.parameters(), strict=True):
        np.testing.assert_allclose(other.grad.data, parameter.grad.data, rtol=1e-5, atol=1e-7, err_msg=name)
    assert [start for start, _ in results] == [part.start for part in shares(10, n_threads)]
    assert sum(loss for _, loss in results) == pytest.approx(float(objective(one, slice(0, 10))[0]), rel=1e-5)


def test_gradients_add_up_until_they_are_forgotten():
    replicas = Replicas(network(), 2)
    replicas.gradients(objective, shares(10, 2))
    once = [p.grad.data.copy() for p in replicas.network.parameters()]

    replicas.gradients(objective, shares(10, 2))

    for parameter, grad in zip(replicas.network.parameters(), once, strict=True):
        np.testing.assert_allclose(parameter.grad.data, 2 * grad, rtol=1e-6)


def test_a_part_less_leaves_its_replica_out():
    """No gradient of an earlier batch comes in by the replica that has nothing to do."""
    replicas, other = Replicas(network(), 2), network()
    replicas.gradients(objective, shares(10, 2))
    replicas.network.zero_grad()

    replicas.gradients(objective, [slice(0, 10)])

    objective(other, slice(0, 10))[0].backward()
    for parameter, expected in zip(replicas.network.parameters(), other.parameters(), strict=True):
        assert (parameter.grad.data == expected.grad.data).all()


def test_training_with_threads_is_repeatable_and_replicas_follow_the_weights():
    """Wherever the optimiser puts them: into its arena, or with new arrays."""
    trained = []
    for _ in range(2):
        replicas = Replicas(network(), 2)
        optimizer = Adam(replicas.network.parameters(), lr=0.05)
        losses = []
        for _ in range(30):
            replicas.network.zero_grad()
            losses.append(sum(loss for _, loss in replicas.gradients(objective, shares(10, 2))))
            optimizer.step()
        trained.append([p.data.copy() for p in replicas.network.parameters()])
        assert losses[-1] < 0.5 * losses[0]
        outputs = replicas.map(lambda replica, x: replica(x).data, [X, X])
        assert (outputs[0] == outputs[1]).all()

    assert all((a == b).all() for a, b in zip(*trained, strict=True))


def test_parts_run_in_threads_of_their_own_and_results_keep_their_order():
    replicas = Replicas(network(), 3)
    together = threading.Barrier(3, timeout=10)

    def work(replica, part):
        together.wait()  # never passes unless all three run at once
        return replica, part

    results = replicas.map(work, ["a", "b", "c"])

    assert [part for _, part in results] == ["a", "b", "c"]
    assert [replica for replica, _ in results] == replicas.networks


def test_an_error_in_a_thread_is_told():
    def fail(replica, part):
        if part == 1:
            raise ArithmeticError("in the second part")

    with pytest.raises(ArithmeticError, match="in the second part"):
        Replicas(network(), 2).map(fail, [0, 1])


def test_more_parts_than_threads_and_no_threads_are_refused():
    with pytest.raises(ValueError, match="n_threads must be at least 1, got 0"):
        Replicas(network(), 0)
    with pytest.raises(ValueError, match="parts must be at most 2, one a thread, got 3"):
        Replicas(network(), 2).map(lambda replica, part: None, [1, 2, 3])


@pytest.mark.parametrize(("n", "n_threads", "sizes"), [(5, 2, [3, 2]), (1, 2, [1]), (6, 3, [2, 2, 2]), (0, 2, [])])
def test_shares_are_nearly_equal_and_none_is_empty(n, n_threads, sizes):
    parts = shares(n, n_threads)

    assert [part.stop - part.start for part in parts] == sizes
    assert [i for part in parts for i in range(n)[part]] == list(range(n))
