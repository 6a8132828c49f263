"""Files of weights: whole models, PyTorch's names, and everything that a file can have wrong."""

import io
import json
import pickle
import struct
import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import nets
from nets import models
from nets.checkpoint import export_npz, load_weights, read_notes, save_weights
from nets.errors import ArgumentError, CheckpointError
from nets.tensorfile import KEY, read_tensors, write_tensors


@pytest.fixture
def model():
    nets.manual_seed(3)
    return models.build("conv", size=8, channels=[4, 8], depth=[1, 1], n_classes=3)


@pytest.fixture
def linear():
    nets.manual_seed(4)
    return nets.Linear(3, 2)


def same(one, other):
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name]) for name in one
    )


# --- whole models ---


def test_a_model_is_restored_whole(model, tmp_path):
    x = np.random.default_rng(0).random((5, 1, 8, 8), np.float32)
    model(x)  # moves the running means
    nets.save(model, tmp_path / "new" / "model.safetensors", notes={"seed": 3})

    loaded = nets.load(tmp_path / "new" / "model.safetensors")

    assert same(loaded.state_dict(), model.state_dict())
    assert loaded.config == model.config
    assert not loaded.training
    np.testing.assert_array_equal(loaded(x).numpy(), model.eval()(x).numpy())
    assert read_notes(tmp_path / "new") == {"seed": 3}


def test_a_folder_stands_for_its_model(model, tmp_path):
    nets.save(model, tmp_path / "model.safetensors")

    assert same(nets.load(tmp_path).state_dict(), model.state_dict())


def test_loading_leaves_the_common_random_stream_alone(model, tmp_path):
    nets.save(model, tmp_path / "m")
    before = nets.get_rng_state()

    nets.load(tmp_path / "m")

    assert nets.get_rng_state() == before


def test_a_model_of_doubles_stays_one(model, tmp_path):
    nets.save(model.to(np.float64), tmp_path / "m")

    assert same(nets.load(tmp_path / "m").state_dict(), model.state_dict())


def test_a_model_of_ones_own_is_restored_once_it_is_registered(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "MODELS", dict(models.MODELS))

    @models.register("line")
    def line(*, slope=1.0, generator=None):
        model = nets.Linear(1, 1, generator=generator)
        model.weight.data = np.full((1, 1), slope, np.float32)
        return model

    nets.save(models.build("line", slope=3.0), tmp_path / "line")
    assert nets.load(tmp_path / "line").weight.item() == 3
    del models.MODELS["line"]
    with pytest.raises(CheckpointError, match=r"model must be one of nielsen, mlp, conv.*, got 'line'"):
        nets.load(tmp_path / "line")


def test_a_configuration_must_name_a_registered_model(linear, tmp_path):
    with pytest.raises(ArgumentError, match="registered model as 'model', got 'mine'"):
        nets.save(linear, tmp_path / "m", config={"model": "mine"})


# --- weights alone ---


def test_weights_have_the_names_of_pytorch(model, tmp_path):
    save_weights(model, tmp_path / "w.safetensors")

    names = load_file(tmp_path / "w.safetensors").keys()

    assert {"1.weight", "1.running_mean", "1.num_batches_tracked", "9.weight", "9.bias"} <= names


@pytest.mark.parametrize("write", [save_weights, export_npz])
def test_weights_come_back(write, model, tmp_path):
    write(model, tmp_path / "weights")
    other = models.build_from(model.config)

    load_weights(other, tmp_path / "weights")

    assert same(other.state_dict(), model.state_dict())


def test_npz_is_readable_by_numpy_alone(linear, tmp_path):
    export_npz(linear, tmp_path / "w.npz")

    with np.load(tmp_path / "w.npz", allow_pickle=False) as archive:
        assert same(dict(archive), linear.state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["w.npz"]


@pytest.mark.parametrize(
    "rename",
    [
        {"fc.w": "weight", "fc.b": "bias"},
        lambda name: {"w": "weight", "b": "bias"}.get(name.removeprefix("fc.")),
    ],
    ids=["mapping", "function"],
)
def test_weights_of_other_names_are_renamed(rename, linear, tmp_path):
    save_file({"fc.w": np.ones((2, 3), np.float16), "fc.b": np.zeros(2)}, tmp_path / "w")

    load_weights(linear, tmp_path / "w", rename=rename)

    np.testing.assert_array_equal(linear.weight.numpy(), np.ones((2, 3), np.float32))


def test_two_tensors_cannot_get_one_name(linear, tmp_path):
    save_weights(linear, tmp_path / "w")

    with pytest.raises(CheckpointError, match="two tensors are renamed to weight"):
        load_weights(linear, tmp_path / "w", rename=lambda name: "weight")


def test_common_names_are_copied_where_it_need_not_be_strict(linear, tmp_path):
    save_file({"weight": np.ones((2, 3), np.float32), "other": np.ones(1)}, tmp_path / "w")
    bias = linear.bias.numpy().copy()

    load_weights(linear, tmp_path / "w", strict=False)

    assert linear.weight.numpy().min() == 1
    np.testing.assert_array_equal(linear.bias.numpy(), bias)


def save_npz(tensors, path):
    with path.open("wb") as file:
        np.savez(file, **tensors)


# --- what does not fit leaves the model as it was ---


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": np.zeros((2, 3), np.float32)}, "missing bias; unexpected none"),
        ({"weight": np.zeros((2, 3)), "bias": np.zeros(2), "more": np.zeros(1)}, "missing none; unexpected more"),
        ({"weight": np.zeros((3, 2)), "bias": np.zeros(2)}, r"weight.*\(3, 2\).*\(2, 3\)"),
        ({"weight": np.zeros((2, 3)), "bias": np.zeros((2, 1))}, r"bias.*\(2, 1\).*\(2,\)"),
        ({"weight": np.zeros((2, 3)), "bias": np.zeros(2, int)}, r"bias: the file has int64 \(2,\), the model has flo"),
        ({"weight": np.full((2, 3), 1e300), "bias": np.zeros(2)}, "weight holds values that are not finite in float32"),
        ({"weight": np.zeros((2, 3)), "bias": np.full(2, np.nan)}, "bias holds values that are not finite"),
    ],
    ids=["missing", "unexpected", "shape", "axes", "ints", "overflow", "nan"],
)
@pytest.mark.parametrize("write", [save_file, save_npz])
def test_weights_that_do_not_fit_are_refused(tensors, message, write, linear, tmp_path):
    write(tensors, tmp_path / "w")
    before = linear.state_dict()

    with pytest.raises(CheckpointError, match=message) as caught:
        load_weights(linear, tmp_path / "w")

    assert str(tmp_path / "w") in str(caught.value)
    assert same(linear.state_dict(), before)


def raw(header, data=b"", length=None):
    """A file with this header and data, whatever they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(shape):
    """The head of an array, without its numbers."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def object_array():
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([print], dtype=object))
    return buffer.getvalue()


DAMAGED = {
    "empty": b"",
    "text": b"weights of a model",
    "no header": raw(b"", length=100),
    "header longer than the file": raw({}, length=2**40),
    "largest length": raw({}, length=2**64 - 1),
    "header is no json": raw(b"{weight"),
    "header is a list": raw([1]),
    "deep header": raw(b'{"a":' * 50_000),
    "cut short": raw({"weight": entry([2, 3], 0, 24)}, bytes(20)),
    "oversized": raw({"weight": entry([2, 3], 0, 24)}, bytes(100)),
    "huge shape": raw({"weight": entry([2**31, 2**31], 0, 24)}, bytes(24)),
    "overflowing shape": raw({"weight": entry([2**63, 4], 0, 24)}, bytes(24)),
    "offsets beyond the end": raw({"weight": entry([2, 3], 2**40, 2**40 + 24)}, bytes(24)),
    "offsets backwards": raw({"weight": entry([2, 3], 24, 0)}, bytes(24)),
    "overlapping": raw({"weight": entry([2, 3], 0, 24), "bias": entry([2], 16, 24)}, bytes(24)),
    "negative shape": raw({"weight": entry([-2, -3], 0, 24)}, bytes(24)),
    "unknown type": raw({"weight": entry([2, 3], 0, 24, "F31")}, bytes(24)),
    "bfloat16": raw({"weight": entry([2, 3], 0, 12, "BF16")}, bytes(12)),
    "our header is no json": raw({"__metadata__": {KEY: "{"}, "weight": entry([2, 3], 0, 24)}, bytes(24)),
    "our header is a list": raw({"__metadata__": {KEY: "[]"}, "weight": entry([2, 3], 0, 24)}, bytes(24)),
    "zip cut short": zipped(**{"weight.npy": b"\x93NUMPY"})[:30],
    "npz of rubbish": zipped(**{"weight.npy": b"\x93NUMPY\x01\x00" + bytes(50)}),
    "npz of a huge shape": zipped(**{"weight.npy": npy((10**14,))}),
    "npz of a negative shape": zipped(**{"weight.npy": npy((-2, 3))}),
    "npz of text": zipped(**{"weight.npy": b"hello"}),
    "npz of a later version": zipped(**{"weight.npy": b"\x93NUMPY\x09\x00" + bytes(50)}),
    "npz of objects": zipped(**{"weight.npy": object_array()}),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_named_and_changes_nothing(content, linear, tmp_path):
    path = tmp_path / "w"
    path.write_bytes(content)
    before = linear.state_dict()

    with pytest.raises(CheckpointError) as caught:
        load_weights(linear, path)

    assert str(path) in str(caught.value)
    assert same(linear.state_dict(), before)
    with pytest.raises(CheckpointError):
        nets.load(path)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_unread(protocol, linear, tmp_path):
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"weight": Trap()}, protocol))

    with pytest.raises(CheckpointError, match="is a pickle" if protocol > 1 else "not a safetensors file"):
        load_weights(linear, tmp_path / "w.pkl")


def test_a_checkpoint_of_pytorch_is_refused_with_advice(linear, tmp_path):
    content = {"archive/data.pkl": pickle.dumps(Trap()), "archive/data/0": bytes(24), "archive/version": b"3"}
    (tmp_path / "model.pt").write_bytes(zipped(**content))

    for read in (nets.load, lambda path: load_weights(linear, path)):
        with pytest.raises(CheckpointError, match=r"model\.pt is a pickle.*safetensors\.torch\.save_file"):
            read(tmp_path / "model.pt")


def test_a_length_that_looks_like_a_pickle_is_none(linear, tmp_path):
    """The header's length 640 is written as the bytes 80 02, which also begin a pickle of protocol 2."""
    text = json.dumps({"weight": entry([2, 3], 0, 24), "bias": entry([2], 24, 32)}).encode()
    (tmp_path / "w").write_bytes(raw(text.ljust(640), bytes(32)))

    load_weights(linear, tmp_path / "w")

    assert not linear.weight.numpy().any()


def test_a_missing_file_is_named(linear, tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no file .*nothing"):
        load_weights(linear, tmp_path / "nothing")
    with pytest.raises(CheckpointError, match=r"there is no file .*model\.safetensors"):
        nets.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "game2048 n-tuple"}, r"not written by nets\.save"),
        ({"version": 99}, "format version 99, this program reads 1"),
        ({"config": None}, "weights only"),
        ({"config": [1]}, "must be an object, got list"),
        ({"config": {"model": "perceptron"}}, "one of nielsen, mlp, conv.*, got 'perceptron'"),
        ({"config": {"model": "mlp", "wings": 2}}, "settings size, n_classes, hidden, dropout, got wings"),
        ({"config": {"model": "mlp", "hidden": [10**9]}}, "every width must be an int from 1 to 65536, got 1000000000"),
        ({"config": {"model": "mlp", "hidden": 5}}, "no model can be built"),
        ({"config": {"model": "mlp"}}, "missing"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_header_that_does_not_fit_is_refused(change, message, model, tmp_path):
    nets.save(model, tmp_path / "m")
    tensors, header = read_tensors(tmp_path / "m")
    write_tensors(tmp_path / "m", tensors, header | change)

    with pytest.raises(CheckpointError, match=message):
        nets.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model": "mlp", "hidden": [6000, 6000]}, r"missing: it asks for 40776010, the file has 761$"),
        ({"model": "nielsen", "hidden": [65536, 65536]}, "missing: it asks for 4347133962"),
        ({"model": "conv", "channels": [65536] * 3}, "weights are missing"),
        ({"model": "conv", "size": 65536, "channels": [1], "depth": [1]}, "missing: it asks for 42949672"),
        ({"model": "conv", "depth": [60000, 1, 1]}, "every depth must be an int from 1 to 64, got 60000"),
        ({"model": "mlp", "hidden": [1] * 10**5}, "at most 64 layers, got 100000"),
    ],
    ids=["wide", "widest", "channels", "size", "deep", "long"],
)
def test_a_small_file_does_not_make_a_large_model(config, message, model, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "build_from", lambda *args, **options: pytest.fail("it was built"))
    nets.save(model, tmp_path / "m")
    tensors, header = read_tensors(tmp_path / "m")
    write_tensors(tmp_path / "m", tensors, header | {"config": config})

    with pytest.raises(CheckpointError, match=message):
        nets.load(tmp_path / "m")


def bomb(path, shape, n_bytes, **members):
    """An archive of zeros under the name weight, far larger than the file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("weight.npy", "w") as member:
            member.write(npy(shape))
            for _ in range(n_bytes // 2**20):
                member.write(bytes(2**20))
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("shape", "rename", "message"),
    [
        ((2**24,), None, r"\(16777216,\).*\(2, 3\)|missing bias"),
        ((2, 3), None, "weight has 67108992 bytes, its shape and type ask for 152"),
        ((2**24,), lambda name: "bias", r"\(16777216,\).*\(2,\)|missing weight"),
    ],
    ids=["shape", "tail", "renamed"],
)
def test_an_archive_does_not_unpack_to_more_than_the_model_needs(strict, shape, rename, message, linear, tmp_path):
    bomb(tmp_path / "w.npz", shape, 2**26)
    tracemalloc.start()

    with pytest.raises(CheckpointError, match=message):
        load_weights(linear, tmp_path / "w.npz", strict, rename)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_what_an_archive_has_beside_the_model_is_not_unpacked(linear, tmp_path):
    bias = io.BytesIO()
    np.save(bias, np.ones(2, np.float32))
    bomb(tmp_path / "w.npz", (2**24,), 2**26, b=bias.getvalue())
    tracemalloc.start()

    load_weights(linear, tmp_path / "w.npz", strict=False, rename={"weight": "other", "b": "bias"})

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
    np.testing.assert_array_equal(linear.bias.numpy(), np.ones(2))


def test_arrays_in_the_order_of_fortran_are_read(linear, tmp_path):
    weight = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    save_npz({"weight": weight, "bias": np.zeros(2)}, tmp_path / "w.npz")

    load_weights(linear, tmp_path / "w.npz")

    np.testing.assert_array_equal(linear.weight.numpy(), weight)


def test_archives_with_any_byte_changed_raise_only_our_errors(linear, tmp_path):
    export_npz(linear, tmp_path / "w.npz")
    content = (tmp_path / "w.npz").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(400):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.choice([0, 255, *b"{}[]()',:<f48ai"])
        (tmp_path / "w.npz").write_bytes(damaged)
        with suppress(CheckpointError):
            load_weights(linear, tmp_path / "w.npz")


# --- writing ---


def test_a_file_is_replaced_whole_or_not_at_all(model, tmp_path, monkeypatch):
    path = tmp_path / "m"
    nets.save(model, path)
    before = path.read_bytes()

    def full_disk(tensors, temporary, metadata):
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nets.tensorfile.save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        nets.save(model, path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    for name in ("one", "two"):
        nets.save(model, tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_numbers_arrays_in_other_orders_and_empty_ones_survive(tmp_path):
    tensors = {
        "number": np.asarray(3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">f4"),
        "empty": np.zeros((0, 3), np.float32),
        "bool": np.array([True, False]),
    }
    write_tensors(tmp_path / "t", tensors, {"a": 1})

    read, header = read_tensors(tmp_path / "t")

    assert header == {"a": 1}
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(read[name], tensor)
        assert read[name].shape == tensor.shape
