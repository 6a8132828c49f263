"""Layers and models: gradients of inputs and parameters, shapes, errors that name the layer, state, copies."""

import copy
import pickle

import numpy as np
import pytest

import nets
from nets import functional as F
from nets.layers import observing
from nets.testing import check_layer, overfits_one_batch


def some(*shape, seed=0, scale=0.7):
    return np.random.default_rng(seed).normal(0, scale, shape)


def apart(*shape, seed=0):
    n = int(np.prod(shape))
    return (np.random.default_rng(seed).permutation(np.arange(n) - n / 2 + 0.3) / n * 4).reshape(shape)


def rng(seed=0):
    return np.random.default_rng(seed)


SEQUENCE = some(3, 2, 3)
IMAGES = apart(2, 4, 5, 4)

LAYERS = {
    "Linear": lambda: (nets.Linear(3, 2), some(4, 3)),
    "Linear with tanh": lambda: (nets.Linear(3, 2, activation="tanh"), some(4, 3)),
    "Linear without bias": lambda: (nets.Linear(3, 2, bias=False), some(3)),
    "Linear of shapes": lambda: (nets.Linear((2, 3), (2, 2)), some(4, 2, 3)),
    "Linear of a sequence of shapes": lambda: (nets.Linear((2, 3), 2), some(4, 2, 2, 3)),
    "Embedding": lambda: (nets.Embedding(4, 2), np.array([[0, 3, 3], [1, 0, 3]])),
    "EmbeddingBag": lambda: (nets.EmbeddingBag(4, 2, size=5), np.array([[0, 3, 3, 1, 3], [1, 0, 3, 1, 1]])),
    "EmbeddingBag with tanh": lambda: (nets.EmbeddingBag(4, 2, activation="tanh"), np.array([[0, 3, 3], [1, 0, 3]])),
    "EmbeddingBag with gelu": lambda: (nets.EmbeddingBag(4, 2, False, "gelu"), np.array([[0, 3, 3], [1, 0, 3]])),
    "Conv2d": lambda: (nets.Conv2d(4, 2, 3, stride=2, padding=1, groups=2, activation="tanh"), IMAGES),
    "ConvTranspose2d": lambda: (nets.ConvTranspose2d(4, 2, 3, 2, 1, 1, groups=2), IMAGES),
    "MaxPool2d": lambda: (nets.MaxPool2d(2), IMAGES),
    "AvgPool2d": lambda: (nets.AvgPool2d(3, 1, 1), IMAGES),
    "GlobalAvgPool2d": lambda: (nets.GlobalAvgPool2d(), IMAGES),
    "Upsample": lambda: (nets.Upsample(2), IMAGES),
    "LayerNorm": lambda: (nets.LayerNorm(3), some(2, 4, 3)),
    "GroupNorm": lambda: (nets.GroupNorm(2, 4), IMAGES),
    "BatchNorm1d": lambda: (nets.BatchNorm1d(3), some(5, 3)),
    "BatchNorm2d": lambda: (nets.BatchNorm2d(4), IMAGES),
    "BatchNorm2d in use": lambda: (nets.BatchNorm2d(4).eval(), IMAGES),
    "RNN": lambda: (nets.RNN(3, 2), SEQUENCE),
    "RNN with relu": lambda: (nets.RNN(3, 2, "relu", bias=False), SEQUENCE),
    "RNN of two layers in both directions": lambda: (nets.RNN(3, 2, num_layers=2, bidirectional=True), SEQUENCE),
    "GRU": lambda: (nets.GRU(3, 2, batch_first=True), SEQUENCE),
    "GRU of two layers in both directions": lambda: (nets.GRU(3, 2, num_layers=2, bidirectional=True), SEQUENCE),
    "LSTM": lambda: (nets.LSTM(3, 2, bias=False), SEQUENCE),
    "LSTM of two layers in both directions": lambda: (nets.LSTM(3, 2, num_layers=2, bidirectional=True), SEQUENCE),
    "RNN from a state": lambda: (nets.RNN(3, 2, num_layers=2), SEQUENCE, some(2, 2, 2)),
    "GRU from a state": lambda: (nets.GRU(3, 2, bidirectional=True), SEQUENCE, some(2, 2, 2)),
    "LSTM from a state": lambda: (nets.LSTM(3, 2), SEQUENCE, (some(1, 2, 2), some(1, 2, 2, seed=1))),
    "LastStep": lambda: (nets.Sequential(nets.LSTM(3, 2, batch_first=True), nets.LastStep(True)), SEQUENCE),
    "MultiheadAttention": lambda: (nets.MultiheadAttention(4, 2), some(2, 3, 4)),
    "MultiheadAttention of three": lambda: (
        nets.MultiheadAttention(4, 2),
        some(2, 3, 4),
        some(2, 5, 4, seed=1),
        some(2, 5, 4, seed=2),
    ),
    "MultiheadAttention without bias": lambda: (
        nets.MultiheadAttention(4, 1, bias=False),
        some(2, 3, 4),
        some(2, 2, 4),
    ),
    "TransformerBlock": lambda: (nets.TransformerBlock(4, 2, 6), some(2, 3, 4)),
    "TransformerBlock that normalises after": lambda: (
        nets.TransformerBlock(4, 2, 6, activation="relu", norm_first=False),
        some(2, 3, 4),
    ),
    "Residual": lambda: (nets.Residual(nets.Linear(3, 3), nets.Tanh(), nets.Linear(3, 3)), some(2, 3)),
    "Residual with a shortcut": lambda: (nets.Residual(nets.Linear(3, 2), shortcut=nets.Linear(3, 2)), some(2, 3)),
    "Parallel": lambda: (nets.Parallel(nets.Linear(3, 2), nets.Linear(3, 1)), some(2, 3)),
    "two inputs": lambda: (
        nets.Sequential(nets.Parallel(nets.Linear(3, 2), nets.Linear(2, 2)), nets.Multiply(), nets.Linear(2, 1)),
        some(4, 3),
        some(4, 2, seed=1),
    ),
    "split and joined": lambda: (
        nets.Sequential(nets.Split([2, 1]), nets.Parallel(nets.Linear(2, 2), nets.Tanh()), nets.Concatenate()),
        some(4, 3),
    ),
    "Add": lambda: (nets.Add(), some(2, 3), some(2, 3, seed=1), some(2, 3, seed=2)),
    "Flatten": lambda: (nets.Flatten(), some(2, 3, 2)),
    "Reshape": lambda: (nets.Reshape(2, -1), some(2, 6)),
    "Lambda": lambda: (nets.Lambda(lambda x: x * x), some(2, 3)),
    "LeakyReLU": lambda: (nets.LeakyReLU(0.2), apart(2, 3)),
    **{
        kind.__name__: lambda kind=kind: (kind(), apart(2, 3))
        for kind in (
            nets.Identity,
            nets.Sigmoid,
            nets.Tanh,
            nets.ReLU,
            nets.SiLU,
            nets.GELU,
            nets.Softplus,
            nets.Softmax,
        )
    },
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_have_right_gradients_for_inputs_and_parameters(backend, name):
    nets.manual_seed(1)
    layer, *inputs = LAYERS[name]()

    check_layer(layer, *inputs)


def test_masks_of_attention(backend):
    layer = nets.MultiheadAttention(4, 2, generator=rng())
    x, y = some(2, 3, 4), some(2, 5, 4, seed=1)
    padding = np.array([[False, False, True], [False, True, False]])
    pairs = np.array([[False, True, True], [False, False, True], [True, False, False]])

    for options in (
        {"key_padding_mask": padding},
        {"attn_mask": pairs},
        {"attn_mask": pairs, "key_padding_mask": padding},
        {"attn_mask": np.where(pairs, -np.inf, 0.2), "key_padding_mask": padding},
        {"is_causal": True, "key_padding_mask": padding},
    ):
        check_layer(layer, x, **options)
    check_layer(layer, x, y, y, attn_mask=rng().random((3, 5)) < 0.3)


def test_masks_of_the_transformer_block(backend):
    layer = nets.TransformerBlock(4, 2, 5, activation="tanh", generator=rng())

    check_layer(layer, some(2, 3, 4), is_causal=True, key_padding_mask=np.array([[False, False, True]] * 2))


def test_dropout_layers_with_a_generator_of_their_own():
    """Every copy of the layer starts with the same stream; each call of it draws on."""

    class Fixed(nets.Module):
        def __init__(self):
            self.first, self.second = nets.Linear(3, 4), nets.Linear(4, 2)

        def forward(self, x):
            return self.second(F.dropout(self.first(x), 0.5, self.training, rng(3)))

    check_layer(Fixed(), some(4, 3))


def test_dropout_in_layers_stops_in_use():
    x = some(4, 3, 4).astype(np.float32)
    for layer in (
        nets.Dropout(0.5),
        nets.TransformerBlock(4, 2, dropout=0.5),
        nets.LSTM(4, 3, num_layers=2, dropout=0.5),
    ):
        layer.train()
        different = [np.asarray(_first(layer(x))) for _ in range(2)]
        layer.eval()
        same = [np.asarray(_first(layer(x))) for _ in range(2)]

        assert (different[0] != different[1]).any()
        assert (same[0] == same[1]).all()


def _first(value):
    return value[0] if isinstance(value, tuple) else value


def test_weights_shared_by_two_layers_count_and_learn_once():
    first, second = nets.Linear(3, 3), nets.Linear(3, 3)
    second.weight = first.weight
    model = nets.Sequential(first, nets.Tanh(), second)

    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.bias"]
    assert set(model.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    check_layer(model, some(2, 3))


def test_one_layer_used_twice_counts_once():
    layer = nets.Linear(3, 3, activation="tanh")
    model = nets.Sequential(layer, layer)

    assert len(list(model.parameters())) == 2
    check_layer(model, some(2, 3))


def test_a_recurrent_layer_gives_the_states_to_go_on_with(backend):
    x = some(6, 2, 3)
    for layer in (nets.RNN(3, 2, num_layers=2), nets.GRU(3, 2), nets.LSTM(3, 2, num_layers=2)):
        layer.to(np.float64)
        whole, end = layer(x)
        first, state = layer(x[:2])
        second, last = layer(x[2:], state)

        np.testing.assert_allclose(np.concatenate([first.numpy(), second.numpy()]), whole.numpy(), rtol=1e-12)
        for ours, theirs in zip(_states(last), _states(end), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


def _states(state):
    return state if isinstance(state, tuple) else (state,)


def test_batch_norm_keeps_running_statistics(backend):
    layer = nets.BatchNorm1d(2, momentum=0.1)
    x = some(50, 2, scale=3).astype(np.float32) + 1

    layer(x)

    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * x.var(0, ddof=1), rtol=1e-5)
    assert layer.num_batches_tracked.item() == 1
    layer.eval()
    layer(x)
    assert layer.num_batches_tracked.item() == 1


def test_a_later_batch_does_not_disturb_the_gradient_of_an_earlier_one(backend):
    """The running statistics change between forward and backward."""
    layer = nets.BatchNorm1d(3).to(np.float64)
    x, other = nets.Tensor(some(5, 3), requires_grad=True), some(5, 3, seed=1)
    for mode in (True, False):
        layer.train(mode)
        x.zero_grad()
        (layer(x) ** 2).sum().backward()
        expected = x.grad.numpy().copy()
        x.zero_grad()
        y = (layer(x) ** 2).sum()
        if mode:
            layer(other)
        y.backward()
        np.testing.assert_allclose(x.grad.numpy(), expected)


def test_running_statistics_that_move_before_the_way_back_do_not_change_a_gradient(backend):
    layer, w = nets.BatchNorm1d(3).to(np.float64).eval(), some(3, seed=2)
    x, other = some(5, 3), some(5, 3, seed=1)
    (layer(x) * w).sum().backward()
    expected = layer.weight.grad.numpy().copy()
    layer.zero_grad()

    y = (layer(x) * w).sum()
    layer.train()(other)
    y.backward()

    np.testing.assert_array_equal(layer.weight.grad.numpy(), expected)


def test_batch_norm_without_momentum_keeps_the_means_of_all_batches(backend):
    layer = nets.BatchNorm1d(2, momentum=None)
    batches = [some(50, 2, seed=seed).astype(np.float32) + seed for seed in range(3)]

    for x in batches:
        layer(x)

    np.testing.assert_allclose(layer.running_mean.numpy(), np.mean([x.mean(0) for x in batches], 0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.numpy(), np.mean([x.var(0, ddof=1) for x in batches], 0), rtol=1e-5)


def test_batch_norm_of_sequences_is_that_of_their_steps(backend):
    layer, twin = nets.BatchNorm1d(3), nets.BatchNorm1d(3)
    x = some(4, 3, 5).astype(np.float32)

    y, rows = layer(x), twin(x.transpose(0, 2, 1).reshape(-1, 3))

    np.testing.assert_allclose(y.numpy(), rows.numpy().reshape(4, 5, 3).transpose(0, 2, 1), rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), twin.running_var.numpy(), rtol=1e-6)


def test_layers_without_weights_take_arrays():
    assert nets.Reshape(3, 1)(np.zeros((2, 3))).shape == (2, 3, 1)
    assert nets.GlobalAvgPool2d()(np.zeros((2, 3, 4, 4), np.float32)).shape == (2, 3)
    assert nets.LastStep()(np.zeros((5, 2, 3), np.float32)).shape == (2, 3)


# --- models learn ---


MODELS = {
    "mlp": lambda: (nets.Sequential(nets.Linear(8, 32, activation="relu"), nets.Linear(32, 3)), some(16, 8)),
    "conv": lambda: (
        nets.Sequential(
            nets.Conv2d(1, 8, 3, activation="relu"),
            nets.BatchNorm2d(8),
            nets.MaxPool2d(2),
            nets.Flatten(),
            nets.Linear(8 * 9, 3),
        ),
        some(16, 1, 8, 8),
    ),
    "lstm": lambda: (
        nets.Sequential(nets.LSTM(4, 16, batch_first=True), nets.LastStep(True), nets.Linear(16, 3)),
        some(16, 5, 4),
    ),
    "transformer": lambda: (
        nets.Sequential(nets.TransformerBlock(8, 2, 16), nets.Lambda(lambda x: x.mean(1)), nets.Linear(8, 3)),
        some(16, 5, 8),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_learn_one_batch_by_heart(backend, name):
    nets.manual_seed(2)
    model, x = MODELS[name]()
    labels = np.arange(16) % 3

    losses = overfits_one_batch(model, F.cross_entropy, x.astype(np.float32), labels, steps=150, lr=0.02)

    assert losses[-1] < 0.1


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_weights_bit_for_bit(backend, name):
    runs = []
    for _ in range(2):
        nets.manual_seed(5)
        model, x = MODELS[name]()
        model = nets.Sequential(model, nets.Dropout(0.2))
        overfits_one_batch(model, F.cross_entropy, x.astype(np.float32), np.arange(16) % 3, steps=5, share=9)
        runs.append(model.state_dict())

    for tensor in runs[0]:
        np.testing.assert_array_equal(runs[0][tensor], runs[1][tensor])


# --- no float64 where float32 was given ---


def dtypes_of(model, x, labels):
    """Return the dtypes of all results, gradients, and numbers of the optimiser, of one step."""
    optimizer = nets.optim.Adam(model.parameters())
    results = []
    with observing(lambda module, inputs, outputs: results.append(outputs)):
        loss = F.cross_entropy(model(x), labels)
    nodes, seen = [loss._node], {}
    while nodes:
        node = nodes.pop()
        seen[node] = node.op
        nodes += [edge for edge in node.edges if isinstance(edge, type(node)) and edge not in seen]
    slopes = []
    nets.graph.propagate(
        [(loss._node, np.float32(1))],
        lambda tensor, g: slopes.append((f"gradient of a leaf {tensor.shape}", g.dtype)),
        retain_graph=True,
        on_node=lambda node, g: slopes.extend(
            (f"gradient of {node.op}", part.dtype) for part in getattr(g, "grads", [g]) if part is not None
        ),
    )
    loss.backward()
    optimizer.step()
    found = [(f"result of {node.op}", node.output.dtype) for node in seen if node.output is not None]
    found += [(f"saved by {node.op}", t.dtype) for node in seen for t in node.saved]
    found += [("output of a layer", t.dtype) for t in _flat(results)]
    found += [(f"parameter {name}", p.dtype) for name, p in model.named_parameters()]
    found += [(f"gradient {name}", p.grad.dtype) for name, p in model.named_parameters()]
    found += [(f"buffer {name}", b.dtype) for name, b in model.named_buffers() if b.dtype.kind == "f"]
    found += [(name, array.dtype) for name, array in optimizer.state_dict().items() if "." in name]
    return [*found, *slopes]


def _flat(values):
    return [t for value in values for t in (_flat(value) if isinstance(value, tuple | list) else [value])]


@pytest.mark.parametrize("name", MODELS)
def test_float32_stays_float32_in_a_whole_step(backend, name):
    import nets.graph

    model, x = MODELS[name]()

    found = dtypes_of(model, nets.Tensor(x.astype(np.float32)), np.arange(16) % 3)

    assert len(found) > 15
    assert [(what, dtype) for what, dtype in found if dtype == np.float64] == []


@pytest.mark.parametrize("name", ["mse_loss", "huber_loss", "l1_loss", "binary_cross_entropy_with_logits"])
def test_losses_of_float32_outputs_and_float64_targets_are_float32(name):
    output = nets.Tensor(np.ones((2, 2), np.float32), requires_grad=True)

    loss = getattr(F, name)(output, np.ones((2, 2)))

    assert loss.dtype == np.float32


# --- state, modes, copies ---


def small():
    return nets.Sequential(nets.Linear(3, 4), nets.BatchNorm1d(4), nets.Linear(4, 2))


def test_the_state_of_a_model_makes_another_one_the_same():
    model, twin = small(), small()
    x = some(5, 3).astype(np.float32)
    model(x)

    twin.load_state_dict(model.state_dict())

    np.testing.assert_array_equal(model.eval()(x).numpy(), twin.eval()(x).numpy())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.pop("0.bias"), "does not fit Sequential: missing 0.bias; unexpected none"),
        (lambda s: s.update(extra=np.zeros(1)), "missing none; unexpected extra"),
        (lambda s: s.update({"2.weight": np.zeros((3, 4))}), r"tensor 2.weight: .*\(3, 4\), the model has \(2, 4\)"),
        (lambda s: s.update({"2.bias": np.array(["a", "b"])}), "tensor 2.bias must hold numbers"),
    ],
)
def test_a_state_that_does_not_fit_leaves_the_model_as_it_was(spoil, message):
    model = small()
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    spoil(state)

    with pytest.raises(nets.CheckpointError, match=message):
        model.load_state_dict(state)

    after = model.state_dict()
    assert all((after[name] == before[name]).all() for name in before)


def test_only_common_names_are_copied_where_names_may_differ():
    model = small()

    model.load_state_dict({"0.bias": np.ones(4), "other": np.ones(9)}, strict=False)

    assert (model.state_dict()["0.bias"] == 1).all()
    with pytest.raises(nets.CheckpointError, match=r"tensor 0.bias: the state has shape \(3,\)"):
        model.load_state_dict({"0.bias": np.ones(3)}, strict=False)


def test_a_state_is_a_copy():
    model = small()

    model.state_dict()["0.weight"][...] = 7

    assert not (model.state_dict()["0.weight"] == 7).any()


def test_loading_a_state_keeps_the_memory_of_an_optimizer():
    model = nets.Linear(2, 1)
    optimizer = nets.optim.SGD(model.parameters(), lr=1.0)
    model.load_state_dict({"weight": np.ones((1, 2)), "bias": np.ones(1)})

    model(np.ones((1, 2), np.float32)).sum().backward()
    optimizer.step()

    assert model.weight.tolist() == [[0, 0]]


def test_a_copy_of_a_model_has_parameters_of_its_own():
    model = small()
    optimizer = nets.optim.Adam(model.parameters(), lr=1.0)
    F.cross_entropy(model(some(5, 3).astype(np.float32)), np.arange(5) % 2).backward()
    twin = copy.deepcopy(model)
    before = twin.state_dict()

    optimizer.step()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert not np.shares_memory(ours.data, theirs.data)
        assert not np.shares_memory(ours.grad.data, theirs.grad.data)
        assert theirs.requires_grad
        assert type(theirs) is nets.Parameter

    assert all((twin.state_dict()[name] == before[name]).all() for name in before)
    assert any((model.state_dict()[name] != before[name]).any() for name in before)


def test_a_copy_keeps_sharing_what_was_shared():
    first, second = nets.Linear(3, 3), nets.Linear(3, 3)
    second.weight = first.weight

    twin = copy.deepcopy(nets.Sequential(first, second))

    assert twin[0].weight is twin[1].weight
    assert twin[0].weight is not first.weight


def test_a_copy_can_be_trained_on():
    model = small()
    nets.optim.Adam(model.parameters())
    twin = copy.deepcopy(model)

    overfits_one_batch(twin, F.cross_entropy, some(6, 3).astype(np.float32), np.arange(6) % 2, lr=0.1, share=0.2)


def test_pickled_parameters_have_values_and_no_history():
    model = small()
    nets.optim.Adam(model.parameters())

    twin = pickle.loads(pickle.dumps(model))

    assert all((twin.state_dict()[name] == array).all() for name, array in model.state_dict().items())
    assert twin[0].weight._slot is None


def test_results_of_operations_cannot_be_copied_deeply():
    with pytest.raises(nets.GraphError, match=r"only leaves can be copied deeply or pickled; detach\(\) .* of mul"):
        copy.deepcopy(nets.Tensor([1.0], requires_grad=True) * 2)


def test_models_convert_to_another_dtype_and_back():
    model = small()

    assert {p.dtype for p in model.to(np.float64).parameters()} == {np.dtype(np.float64)}
    assert model[1].num_batches_tracked.dtype == np.int64
    assert model(some(4, 3)).dtype == np.float64
    assert {p.dtype for p in model.to("float32").parameters()} == {np.dtype(np.float32)}
    assert model[1].num_batches_tracked.dtype == np.int64
    assert model.to("numpy") is model
    assert model(some(4, 3)).dtype == np.float32


@pytest.mark.parametrize("target", [np.int64, "float16", "cuda"])
def test_models_compute_in_two_kinds_of_floats_only(target):
    model = small()

    with pytest.raises(nets.ArgumentError, match=r"float32 or float64, or on numpy, .* got|must be a dtype or one of"):
        model.to(target)

    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}


def test_an_optimizer_made_before_a_conversion_says_so():
    model = nets.Linear(2, 1)
    optimizer = nets.optim.SGD(model.parameters())
    model.to(np.float64)
    model(np.ones((1, 2))).sum().backward()

    with pytest.raises(nets.GraphError, match="make a new optimiser after such a change"):
        optimizer.step()


def test_modes_reach_every_module():
    model = nets.Sequential(small(), nets.Residual(nets.Dropout()))

    assert not any(module.training for module in model.eval().modules())
    assert all(module.training for module in model.train().modules())


def test_frozen_models_record_nothing():
    model = small().requires_grad_(False)

    assert not model(some(4, 3).astype(np.float32)).requires_grad
    assert model.requires_grad_()(some(4, 3).astype(np.float32)).requires_grad


def test_modules_are_named_by_their_place():
    model = nets.Sequential(nets.Linear(2, 2), nets.Residual(nets.Linear(2, 2), nets.Tanh()))

    assert [name for name, _ in model.named_modules()] == ["", "0", "1", "1.body", "1.body.0", "1.body.1"]
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.body.0.weight", "1.body.0.bias"]


def test_lists_of_modules():
    modules = nets.ModuleList([nets.Linear(2, 2)]).append(nets.Tanh())
    model = nets.Sequential(*modules)

    assert len(modules) == 2
    assert isinstance(modules[-1], nets.Tanh)
    assert isinstance(model[:1], nets.Sequential)
    with pytest.raises(nets.ArgumentError, match="ModuleList holds modules, got int"):
        modules.append(3)


def test_models_show_their_parts():
    model = nets.Sequential(nets.Linear(2, 3, activation="relu"), nets.Residual(nets.Linear(3, 3)))

    assert repr(model) == (
        "Sequential(\n  (0): Linear(2, 3, activation='relu')\n  (1): Residual(\n    (body): Linear(3, 3)\n  )\n)"
    )


def test_functions_applied_to_every_module():
    names = []

    small().apply(lambda module: names.append(type(module).__name__))

    assert names == ["Sequential", "Linear", "BatchNorm1d", "Linear"]


# --- errors ---


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (
            lambda: nets.Linear(3, 2),
            (4, 2),
            r"Linear\(3, 2\): linear: an input of shape \(4, 2\) does not fit .*\(2, 3\)",
        ),
        (lambda: nets.Linear((2, 3), 2), (4, 3), r"Linear\(\(2, 3\), 2\): .* \(4, 3\) does not fit: .* \(2, 3\)"),
        (lambda: nets.Linear(3, 2), (0, 3), r"Linear\(3, 2\): linear: the batch is empty: input shape \(0, 3\)"),
        (lambda: nets.Conv2d(3, 2, 3), (4, 2, 8, 8), r"Conv2d\(3, 2.*\(4, 2, 8, 8\) does not fit .* \(2, 3, 3, 3\)"),
        (lambda: nets.Conv2d(3, 2, 3), (0, 3, 8, 8), r"Conv2d\(3, 2, .*: conv2d: the batch is empty"),
        (lambda: nets.ConvTranspose2d(3, 2, 3), (4, 2, 8, 8), r"ConvTranspose2d\(3, 2.*\(4, 2, 8, 8\) does not fit"),
        (lambda: nets.MaxPool2d(3), (4, 2, 2, 2), r"MaxPool2d\(kernel_size=3.*\(4, 2, 2, 2\)"),
        (lambda: nets.BatchNorm1d(3), (4, 2), r"BatchNorm1d\(3.*2 or 3 axes and 3 channels, got .*\(4, 2\).*\(3,\)"),
        (lambda: nets.BatchNorm2d(3), (4, 3), r"BatchNorm2d\(3.*4 axes and 3 channels, got shape \(4, 3\)"),
        (lambda: nets.LayerNorm(3), (4, 2), r"LayerNorm\(3.*\(4, 2\) does not fit a weight of shape \(3,\)"),
        (lambda: nets.GroupNorm(1, 3), (4, 2), r"GroupNorm\(1, 3.*\(4, 2\) does not fit"),
        (lambda: nets.LSTM(3, 2), (4, 5, 2), r"LSTM\(3, 2\): .* \(steps, batch, 3\), got \(4, 5, 2\).* \(8, 3\)"),
        (lambda: nets.GRU(3, 2, batch_first=True), (4, 3), r"GRU\(3, 2.*: .* \(batch, steps, 3\), got \(4, 3\)"),
        (lambda: nets.RNN(3, 2), (4, 0, 3), r"RNN\(3, 2\): rnn: the batch is empty: input shape \(4, 0, 3\)"),
        (
            lambda: nets.MultiheadAttention(4, 2),
            (2, 3, 5),
            r"MultiheadAttention\(4, 2\): query must have .*5.*\(12, 4\)",
        ),
        (lambda: nets.TransformerBlock(4, 2), (2, 3, 5), r"LayerNorm\(4.*\(2, 3, 5\) does not fit"),
        (
            lambda: nets.Residual(nets.Linear(3, 2)),
            (4, 3),
            r"Residual\(\): .* \(4, 3\) to \(4, 2\), .* give a shortcut",
        ),
        (lambda: nets.Reshape(2, 2), (4, 3), r"Reshape\(2, 2\): reshape: shape \(4, 3\)"),
        (lambda: nets.Reshape(7), (), r"Reshape\(7\): the input must have shape \(batch, ...\), got \(\)"),
        (lambda: nets.LayerNorm((2, 3)), (2, 4), r"LayerNorm\(\(2, 3\).* \(2, 4\) does not fit a weight of .*\(2, 3\)"),
        (lambda: nets.GlobalAvgPool2d(), (2, 3), r"GlobalAvgPool2d\(\): images must have shape .*, got \(2, 3\)"),
        (lambda: nets.LastStep(), (2, 3), r"LastStep\(\): outputs must have shape .*, got \(2, 3\)"),
        (lambda: nets.Split([1, 1]), (4, 3), r"Split\(\[1, 1\], dim=1\): split: sizes"),
    ],
)
def test_a_wrong_shape_names_the_layer_and_both_shapes(layer, x, message):
    model = nets.Sequential(nets.Identity(), layer())

    with pytest.raises(nets.ShapeError, match="^" + message):
        model(np.ones(x, np.float32))


def test_a_wrong_label_or_dtype_names_the_layer():
    with pytest.raises(nets.DtypeError, match=r"^Linear\(3, 2\): linear: the input must hold floats, got uint8"):
        nets.Sequential(nets.Linear(3, 2))(np.ones((1, 3), np.uint8))
    with pytest.raises(nets.ArgumentError, match=r"^Embedding\(3, 2\): embedding: indices must be in \[0, 3\), got 5"):
        nets.Sequential(nets.Embedding(3, 2))([5])
    with pytest.raises(nets.ArgumentError, match=r"^EmbeddingBag\(3, 2\): embedding_bag: .* in \[0, 3\), got -1"):
        nets.Sequential(nets.EmbeddingBag(3, 2))([[1, -1]])
    with pytest.raises(nets.DtypeError, match="embedding_bag: indices must be ints, got float32"):
        nets.EmbeddingBag(3, 2)([[1.0]])
    with pytest.raises(nets.ShapeError, match=r"indices and weight must have two axes, got \(2,\), \(3, 2\)"):
        nets.EmbeddingBag(3, 2)([0, 1])
    with pytest.raises(nets.ShapeError, match=r"a bias of shape \(3,\) does not fit a weight of shape \(3, 2\)"):
        nets.functional.embedding_bag([[0]], nets.Tensor(np.zeros((3, 2))), nets.Tensor(np.zeros(3)))
    with pytest.raises(
        nets.ShapeError, match=r"initial state h0 must have shape \(1, 2, 4\), .*, got \(2, 4\).*\(12, 4\)"
    ):
        nets.GRU(3, 4)(np.ones((5, 2, 3), np.float32), np.ones((2, 4), np.float32))
    with pytest.raises(nets.ShapeError, match=r"key_padding_mask must have shape \(2, 3\), got \(3, 2\)"):
        nets.MultiheadAttention(4, 2)(np.ones((2, 3, 4), np.float32), key_padding_mask=np.ones((3, 2), bool))
    with pytest.raises(nets.ShapeError, match=r"attn_mask must stretch to \(2, 2, 3, 3\), .*, got \(5, 4\)"):
        nets.MultiheadAttention(4, 2)(
            np.ones((2, 3, 4), np.float32), key_padding_mask=np.ones((2, 3), bool), attn_mask=np.ones((5, 4), bool)
        )
    with pytest.raises(nets.ShapeError, match=r"one batch, .*, got \(2, 3, 4\), \(1, 3, 4\) and \(1, 3, 4\)"):
        nets.MultiheadAttention(4, 2)(np.ones((2, 3, 4), np.float32), np.ones((1, 3, 4), np.float32))
    with pytest.raises(nets.ArgumentError, match=r"LSTM\(3, 4\): .* must be a pair \(h0, c0\), got shape \(1, 2, 4\)"):
        nets.LSTM(3, 4)(np.ones((5, 2, 3), np.float32), np.ones((1, 2, 4), np.float32))
    with pytest.raises(nets.ShapeError, match="2 modules side by side take one input or 2, got 3"):
        nets.Parallel(nets.Tanh(), nets.Tanh())(1.0, 2.0, 3.0)
    with pytest.raises(nets.ShapeError, match="at least one input is needed"):
        nets.Add()(())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: nets.Linear(0, 2), "in_features must be a positive int or a tuple of them, got 0"),
        (lambda: nets.Linear(2, (3, -1)), r"out_features must be .*, got \(3, -1\)"),
        (lambda: nets.Linear(2.0, 3), "in_features must be"),
        (lambda: nets.Linear(2, 3, activation="step"), "activation must be one of .*, got 'step'"),
        (lambda: nets.Linear(2, 3, init="normal"), "init must be one of .*, got 'normal'"),
        (lambda: nets.Conv2d(0, 2, 3), "in_channels and out_channels must be positive, got 0 and 2"),
        (lambda: nets.Conv2d(2, 2, 0), "Conv2d: kernel_size must be one or two ints >= 1, got 0"),
        (lambda: nets.Conv2d(2, 2, (1, 2, 3)), "kernel_size must be one or two ints"),
        (lambda: nets.Conv2d(2, 3, 3, groups=2), "groups must divide 2 and 3 channels, got 2"),
        (lambda: nets.ConvTranspose2d(2, 2, 3, output_padding=-1), "output_padding must be one or two ints >= 0"),
        (lambda: nets.Embedding(0, 2), "an embedding needs a vector and a number, got 0 of 2"),
        (lambda: nets.EmbeddingBag(2, 0), "an embedding needs a vector and a number, got 2 of 0"),
        (lambda: nets.EmbeddingBag(2, 2, size=0), "size must be at least 1, got 0"),
        (lambda: nets.EmbeddingBag(2, 2, activation="step"), "activation must be one of"),
        (lambda: nets.LayerNorm(0), "normalized_shape must be a positive int, got 0"),
        (lambda: nets.BatchNorm1d(2, momentum=2), r"momentum must be in \[0, 1\] or None, got 2"),
        (lambda: nets.LayerNorm((2, 0)), "normalized_shape must be a positive int, got 0"),
        (lambda: nets.LayerNorm(()), "normalized_shape must be a positive int, got 0"),
        (lambda: nets.Split([-1, 4]), r"size must be a positive int or several, got \[-1, 4\]"),
        (lambda: nets.Split(1.5), "size must be a positive int or several, got 1.5"),
        (lambda: nets.GroupNorm(2, 3), "num_groups must divide 3 channels, got 2"),
        (lambda: nets.LSTM(3, 0), "hidden_size must be a positive int, got 0"),
        (lambda: nets.RNN(3, 2, "sigmoid"), "nonlinearity must be 'tanh' or 'relu', got 'sigmoid'"),
        (lambda: nets.GRU(3, 2, dropout=1), r"dropout must be in \[0, 1\), got 1"),
        (lambda: nets.MultiheadAttention(5, 2), "num_heads must divide embed_dim, got 2 and 5"),
        (lambda: nets.TransformerBlock(4, 2, dropout=1), r"dropout must be in \[0, 1\), got 1"),
        (lambda: nets.Dropout(-0.1), r"p must be in \[0, 1\), got -0.1"),
        (lambda: nets.TransformerBlock(4, 2, activation="step"), "activation must be one of"),
    ],
)
def test_settings_that_break_a_rule_are_refused_when_the_layer_is_made(wrong, message):
    with pytest.raises(nets.ArgumentError, match=message):
        wrong()


def test_a_module_without_forward_says_so():
    class Empty(nets.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define forward\(\)"):
        Empty()(1)
