"""The policy network: what its bodies compute, sizes, files, seeds, learning."""

import copy
import inspect
from dataclasses import asdict

import numpy as np
import pytest

import nets
from agents.policy.boards import action_masks, exponents
from agents.policy.distribution import masked_log_softmax, policy_loss
from agents.policy.network import NetworkConfig, build_network
from nets import functional as F
from nets.testing import check_layer
from tests.oracles import policy as naive

SMALL = {
    "mlp": {"width": 12, "hidden": 8},
    "mlp of one layer": {"width": 12, "depth": 1},
    "mlp of embeddings": {"inputs": "embedding", "width": 12, "depth": 3, "hidden": 8, "embedding": 3},
    "mlp with tuples": {"inputs": "tuples", "width": 6, "hidden": 8},
    "conv": {"body": "conv", "width": 6, "hidden": 8},
    "conv of one layer": {"body": "conv", "width": 6, "depth": 1, "hidden": 8},
    "conv of embeddings": {"body": "conv", "inputs": "embedding", "width": 6, "depth": 3, "hidden": 8, "embedding": 3},
    "transformer": {"body": "transformer", "width": 8, "depth": 1, "hidden": 8, "heads": 2},
    "transformer of embeddings": {"body": "transformer", "inputs": "embedding", "width": 8, "heads": 2, "embedding": 3},
}
every_network = pytest.mark.parametrize("settings", SMALL.values(), ids=SMALL)


def some_boards(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def network_of(settings, seed=0):
    return build_network(NetworkConfig(**settings), np.random.default_rng(seed))


def randomised(settings):
    """A network with biases and heads that are not small, so that every weight matters."""
    network, generator = network_of(settings), np.random.default_rng(1)
    for parameter in network.parameters():
        if parameter.ndim == 1 or parameter.shape[0] == 4:
            parameter.data = generator.normal(size=parameter.shape).astype(np.float32)
    return network


def dense(x, layer):
    return np.maximum(x @ layer.weight.numpy().T + layer.bias.numpy(), 0)


def heads(network, x):
    policy, value = network.policy, network.value
    return x @ policy.weight.numpy().T + policy.bias.numpy(), x @ value.weight.numpy()[0] + value.bias.numpy()


def assert_says(network, boards, features):
    """The network's answers are those of its heads to the features."""
    logits, values = network(boards)
    expected = heads(network, features)
    np.testing.assert_allclose(logits.data, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(values.data, expected[1], rtol=1e-4, atol=1e-5)


# --- what bodies compute ---


@every_network
def test_answers_are_float32_of_the_right_shapes(settings):
    logits, values = network_of(settings)(some_boards(7))

    assert (logits.shape, values.shape) == ((7, 4), (7,))
    assert logits.dtype == values.dtype == np.float32


def test_an_mlp_is_a_dense_network_of_one_hot_exponents():
    network, boards = randomised({"width": 12, "depth": 3, "hidden": 8}), some_boards(20)
    inputs = network.body.inputs
    x = np.array([naive.one_hot(cells) for cells in exponents(boards).tolist()])

    x = np.maximum(x @ inputs.weight.numpy() + inputs.bias.numpy(), 0)
    for layer in network.body.layers:
        x = dense(x, layer)

    assert_says(network, boards, x)


def test_embeddings_are_concatenated_into_an_mlp():
    network, boards = randomised({"inputs": "embedding", "width": 12, "depth": 1, "embedding": 3}), some_boards(20)
    inputs = network.body.inputs
    concatenated = inputs.tiles.numpy()[exponents(boards)].reshape(20, -1)

    x = concatenated @ inputs.projection.numpy().reshape(-1, 12) + inputs.bias.numpy()

    assert_says(network, boards, np.maximum(x, 0))


def planes_of(vectors):
    """Turn (n, 16, channels) into (n, channels, 4, 4)."""
    return vectors.transpose(0, 2, 1).reshape(len(vectors), -1, 4, 4)


def after_convolutions(network, x):
    for layer in network.body.convolutions:
        x = F.conv2d(x, layer.weight, layer.bias, activation="relu")
    return dense(x.data.transpose(0, 2, 3, 1).reshape(len(x), -1), network.body.dense)


def kernels(rows, n_inputs):
    """Turn rows of (place, input) into kernels (outputs, inputs, 2, 2)."""
    return np.ascontiguousarray(rows.reshape(2, 2, n_inputs, -1).transpose(3, 2, 0, 1))


def test_the_first_convolution_is_one_of_one_hot_planes():
    network, boards = randomised({"body": "conv", "width": 6, "hidden": 8}), some_boards(20)
    inputs = network.body.inputs
    planes = planes_of(np.eye(16, dtype=np.float32)[exponents(boards)])

    x = F.conv2d(planes, kernels(inputs.weight.numpy(), 16), inputs.bias.numpy(), activation="relu")

    assert_says(network, boards, after_convolutions(network, x))


def test_the_first_convolution_of_embeddings_is_one_of_their_planes_with_a_bias_for_each_square():
    settings = {"body": "conv", "inputs": "embedding", "width": 6, "depth": 2, "hidden": 8, "embedding": 3}
    network, boards = randomised(settings), some_boards(20)
    inputs = network.body.inputs
    planes = planes_of(inputs.tiles.numpy()[exponents(boards)])

    z = F.conv2d(planes, kernels(inputs.projection.numpy(), 3), inputs.bias.numpy()).data
    z = z + inputs.positions.numpy().T.reshape(1, 6, 3, 3)

    assert_says(network, boards, after_convolutions(network, nets.Tensor(np.maximum(z, 0))))


def test_tokens_are_vectors_of_exponents_plus_positions():
    boards = some_boards(20)
    inputs = randomised(SMALL["transformer of embeddings"]).body.inputs
    expected = inputs.tiles.numpy()[exponents(boards)] @ inputs.projection.numpy()[0] + inputs.positions.numpy()

    found = inputs(boards).data.reshape(20, 16, 8)

    np.testing.assert_allclose(found, expected + inputs.bias.numpy(), rtol=1e-4, atol=1e-5)


def test_tokens_of_one_hot_inputs_are_rows_of_their_cells():
    boards = some_boards(20)
    inputs = randomised(SMALL["transformer"]).body.inputs
    rows = inputs.weight.numpy().reshape(16, 16, 8)
    cells = exponents(boards)

    found = inputs(boards).data.reshape(20, 16, 8)

    for cell in range(16):
        np.testing.assert_allclose(found[:, cell], rows[cell, cells[:, cell]] + inputs.bias.numpy(), rtol=1e-6)


@every_network
def test_gradients_agree_with_finite_differences(settings):
    check_layer(randomised(settings), some_boards(3), eps=1e-6, rtol=1e-4, atol=1e-6)


@every_network
def test_every_parameter_gets_a_gradient(settings):
    network = randomised(settings)

    logits, values = network(some_boards(200))
    (policy_loss(logits, np.arange(200) % 4, np.ones(200)) + (values * values).sum()).backward()

    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_policies_begin_almost_uniform():
    boards = some_boards(200)
    masks = action_masks(boards) | True

    p = np.exp(masked_log_softmax(network_of({})(boards)[0], masks).data)

    assert np.abs(p - 0.25).max() < 0.02


# --- sizes and settings ---


@every_network
def test_the_number_of_parameters_is_known_before_there_are_any(settings):
    network = network_of(settings)

    assert network.settings.n_parameters == sum(parameter.numel() for parameter in network.parameters())
    assert network.settings.n_parameters == nets.models.count_parameters(network.config)


def test_the_memory_of_tables_is_named():
    without, tuples = NetworkConfig(width=64), NetworkConfig(width=64, inputs="tuples")

    assert tuples.training_bytes - without.training_bytes == 17 * 65536 * (3 * 64 + 1) * 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"body": "rnn"}, "body must be one of mlp, conv, transformer, ntuple, got 'rnn'"),
        ({"inputs": "pixels"}, "inputs must be one of one-hot, embedding, tuples, got 'pixels'"),
        ({"body": "conv", "inputs": "tuples"}, "inputs must be one-hot or embedding with body conv, got 'tuples'"),
        ({"width": 0}, r"width must be an int from 1 to 4096 \(mlp\), got 0"),
        ({"width": 513, "inputs": "tuples"}, "width must be an int from 1 to 512"),
        ({"depth": 4, "body": "conv"}, r"depth must be an int from 1 to 3 \(conv\), got 4"),
        ({"hidden": 2.0}, "hidden must be an int from 1 to 4096"),
        ({"depth": True}, "depth must be an int"),
        ({"width": 30, "body": "transformer"}, "width must be a multiple of heads, 4, got 30"),
    ],
)
def test_settings_that_break_a_rule_are_refused(settings, message):
    with pytest.raises(nets.ArgumentError, match=message):
        NetworkConfig(**settings)


def test_the_registered_model_has_the_settings_and_their_defaults():
    signature = inspect.signature(nets.models.MODELS["policy"]).parameters
    defaults = {name: parameter.default for name, parameter in signature.items() if name != "generator"}

    assert defaults == asdict(NetworkConfig())


def test_boards_that_are_not_packed_are_refused():
    with pytest.raises(ValueError, match=r"boards must be packed boards, uint64 of shape \(n,\), got uint8 \(3, 16\)"):
        network_of({})(np.zeros((3, 16), np.uint8))


# --- seeds, files, copies ---


@every_network
def test_a_seed_decides_all_weights(settings):
    first, second, other = (network_of(settings, seed).state_dict() for seed in (1, 1, 2))

    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def learned(settings, n_steps=3):
    network = network_of(settings)
    optimizer = nets.optim.Adam(network.parameters(), lr=1e-3)
    for seed in range(n_steps):
        step(network, optimizer, seed)
    return network, optimizer


def step(network, optimizer, seed):
    boards = some_boards(16, seed)
    optimizer.zero_grad()
    logits, values = network(boards)
    loss = policy_loss(masked_log_softmax(logits, np.ones((16, 4), bool)), np.arange(16) % 4, np.ones(16))
    (loss + (values * values).sum()).backward()
    optimizer.step()
    network.sparse_step(optimizer.lr)


def assert_same(a, b):
    a, b = a.state_dict(), b.state_dict()
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


@every_network
def test_a_saved_network_is_loaded_as_it_was(settings, tmp_path):
    network, _ = learned(settings)

    nets.save(network, tmp_path / "model.safetensors")
    loaded = nets.load(tmp_path / "model.safetensors")

    assert loaded.settings == network.settings
    assert_same(loaded, network)
    np.testing.assert_array_equal(loaded(some_boards(9))[0].data, network(some_boards(9))[0].data)


@every_network
def test_learning_goes_on_exactly_from_saved_states(settings):
    network, optimizer = learned(settings)
    states = copy.deepcopy((network.state_dict(), optimizer.state_dict(), network.sparse_state_dict()))

    other = network_of(settings, seed=5)
    others = nets.optim.Adam(other.parameters(), lr=1e-3)
    other.load_state_dict(states[0])
    others.load_state_dict(states[1])
    other.load_sparse_state_dict(states[2])
    for member in ((network, optimizer), (other, others)):
        step(*member, 9)

    assert_same(other, network)


def test_a_file_holds_only_the_rows_of_tables_that_were_seen(tmp_path):
    network, _ = learned(SMALL["mlp with tuples"])

    nets.save(network, tmp_path / "model.safetensors")

    assert (tmp_path / "model.safetensors").stat().st_size < 100_000


def test_a_state_without_its_tables_is_refused_and_nothing_changes():
    network, _ = learned(SMALL["mlp with tuples"])
    before = copy.deepcopy(network)
    state = learned(SMALL["mlp with tuples"], 1)[0].state_dict()
    plain = {name: array for name, array in state.items() if not name.startswith("tables.")}

    with pytest.raises(nets.CheckpointError, match=r"tables need rows and weights, got \[\]"):
        network.load_state_dict(plain)
    with pytest.raises(nets.CheckpointError, match="rows must ascend"):
        network.load_state_dict({**state, "tables.rows": state["tables.rows"][::-1]})
    with pytest.raises(nets.CheckpointError, match=r"missing policy\.bias"):
        network.load_state_dict({name: array for name, array in state.items() if name != "policy.bias"})
    assert_same(network, before)

    network.load_state_dict(plain, strict=False)
    np.testing.assert_array_equal(network.policy.weight.numpy(), plain["policy.weight"])


def test_a_sparse_state_of_another_network_is_refused():
    tuples, plain = learned(SMALL["mlp with tuples"])[0], network_of(SMALL["mlp"])

    with pytest.raises(nets.CheckpointError, match=r"it has \[\], not \['counts', 'mean', 'square'\]"):
        tuples.load_sparse_state_dict({})
    with pytest.raises(nets.CheckpointError, match=r"it has \['counts', 'mean', 'square'\], not \[\]"):
        plain.load_sparse_state_dict(tuples.sparse_state_dict())
    with pytest.raises(nets.CheckpointError, match="counts must have shape"):
        tuples.load_sparse_state_dict(learned(SMALL["mlp with tuples"], 1)[0].sparse_state_dict())


def test_networks_without_tables_have_nothing_sparse():
    network = network_of({"width": 8, "hidden": 8})

    assert network.tables is None
    assert network.sparse_state_dict() == {}
    network.sparse_step(0.1)
    network.share_tables(network_of({"width": 8, "hidden": 8}))
    network.load_sparse_state_dict({})


def test_copies_that_share_tables_learn_together():
    network, _ = learned(SMALL["mlp with tuples"])
    replica = copy.deepcopy(network)
    replica.share_tables(network)
    boards = some_boards(8, 50)

    replica(boards)[1].sum().backward()
    network.sparse_step(0.01)

    np.testing.assert_array_equal(replica(boards)[0].data, network(boards)[0].data)
    assert np.isin(network.sparse_state_dict()["counts"], 1).any()


# --- learning ---


@every_network
def test_a_network_learns_a_batch_by_heart(settings):
    network = network_of(settings)
    optimizer = nets.optim.Adam(network.parameters(), lr=1e-2)
    boards, actions = some_boards(32), np.arange(32) % 4

    for _ in range(150):
        optimizer.zero_grad()
        logits, values = network(boards)
        loss = F.cross_entropy(logits, actions) + F.mse_loss(values, actions.astype(np.float32))
        loss.backward()
        optimizer.step()
        network.sparse_step(optimizer.lr)

    assert (logits.data.argmax(1) == actions).mean() > 0.9
    assert loss.item() < 1
