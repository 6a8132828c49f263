"""Shapes of n-tuple networks: names, sizes, layouts, and what is no network."""

import itertools

import numpy as np
import pytest

from agents.errors import NetworkError
from agents.networks import COUNT_CODES, PARTS, Network, places_in_table
from tests.oracles.td import place


@pytest.mark.parametrize(
    ("name", "n_features", "n_weights"),
    [
        ("4x6", 32, 4 * 16**6),
        ("5x6", 40, 5 * 16**6),
        ("8x6", 64, 8 * 16**6),
        ("17x4", 40, 5 * 16**4),
        ("4x6+lines", 48, 4 * 16**6 + 2 * 16**4),
        ("8x6+lines+squares+empty+large", 64 + 16 + 24 + 2, 8 * 16**6 + 5 * 16**4 + 16 + 4**5),
        ("17x4@14", 40, 2 * 5 * 16**4),
        ("17x4+empty@15,14,13", 41, 8 * (5 * 16**4 + 16)),
    ],
)
def test_a_name_says_how_much_there_is(name, n_features, n_weights):
    network = Network.named(name)

    assert (network.n_features, network.n_weights) == (n_features, n_weights)
    assert network.n_weights == network.n_stages * network.stage_size


@pytest.mark.parametrize(
    "name", [*PARTS, "4x6+lines", "8x6+lines+empty@15,14", "012+17x4+large", "0123", "37bf+squares"]
)
def test_the_name_of_a_network_names_it(name):
    if name in COUNT_CODES:
        name = f"lines+{name}"

    network = Network.named(name)

    assert network.name == name
    assert Network.named(network.name) == network


def test_patterns_in_another_order_have_a_name_that_keeps_it():
    """The order decides where the tables stand, so a name must never lose it."""
    for patterns in itertools.permutations([*PARTS["lines"], "569a"]):
        network = Network(patterns)

        assert Network.named(network.name) == network


def test_a_part_that_is_named_twice_is_there_once():
    assert Network.named("17x4+lines+squares+empty+empty") == Network.named("17x4+empty")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patterns": ()}, "a network must have at least one pattern"),
        ({"patterns": ("0",)}, "a pattern must be 2 to 8 different hex digits of cells, got '0'"),
        ({"patterns": ("012345678",)}, "2 to 8 different hex digits"),
        ({"patterns": ("0112",)}, "2 to 8 different hex digits of cells, got '0112'"),
        ({"patterns": ("01g",)}, "2 to 8 different hex digits of cells, got '01g'"),
        ({"patterns": ("01",), "counts": ("tiles",)}, "counts must be of empty, large, got 'tiles'"),
        ({"patterns": ("01",), "stage_tiles": (16,)}, r"must be different exponents from 1 to 15, got \(16,\)"),
        ({"patterns": ("01",), "stage_tiles": (0,)}, "stage_tiles must be"),
        ({"patterns": ("01",), "stage_tiles": (15, 15)}, "stage_tiles must be different"),
        ({"patterns": ("01",), "stage_tiles": (True,)}, "stage_tiles must be"),
        ({"patterns": ("01", "89abcdef")}, r"at most 2\*\*32 weights, 01\+89abcdef has 4,294,967,552"),
        ({"patterns": ("01234567",), "stage_tiles": (15,)}, r"2\*\*32 weights, 01234567@15 has 8,589,934,592"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_named(arguments, message):
    with pytest.raises(NetworkError, match=message):
        Network(**arguments)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "got ''"),
        ("9x9", "a pattern must be 2 to 8 different hex digits of cells, got '9x9'"),
        ("4x6@a", "stages must be exponents such as 15,14, got 'a'"),
        ("empty", "at least one pattern"),
    ],
)
def test_a_name_of_no_network_is_refused(name, message):
    with pytest.raises(NetworkError, match=message):
        Network.named(name)


def test_places_in_a_table_are_those_of_the_naive_twin():
    network = Network.named("48c")  # a column, whose cells are not neighbours
    exponents = list(itertools.product(range(16), repeat=3))

    places = places_in_table(exponents)

    assert places.tolist() == [place((0, "48c", value), network) for value in exponents]
    assert sorted(places.tolist()) == list(range(16**3))
    assert places.dtype == np.uint32


def test_a_layout_is_what_kernels_read():
    network = Network.named("0123+empty+large@15,14")

    assert network.layout.dtype == np.uint64
    assert network.layout.tolist() == [
        [1 << 15 | 1 << 14, 16**4 + 16 + 4**5],
        [0x000F_000F_000F_000F, 0],
        [0, 16**4],
        [1, 16**4 + 16],
    ]
