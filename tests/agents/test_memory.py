"""Memory is told before it is taken, and what does not fit is refused."""

import pytest

from agents import memory
from agents.checkpoint import load_agent, save_learner
from agents.errors import NetworkError
from agents.networks import Network
from agents.td import TDLearner, TDSettings

PAIRS = Network.named("45")
FILES = "anon 100\nfile 1700000\ninactive_file 1000000\nactive_file 600000\nshmem 100000\n"


def test_learning_takes_what_its_arrays_take():
    plain = TDSettings(coherence_from=1.0)
    learner = TDLearner(network=PAIRS)

    assert memory.learning_bytes(PAIRS) == learner.weights.nbytes + learner.coherence.nbytes
    assert memory.learning_bytes(PAIRS, coherent=plain.coherence_from < 1) == learner.weights.nbytes


def test_a_network_that_does_not_fit_is_refused_before_it_takes_memory(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    network = Network.named("8x6+lines")

    with pytest.raises(NetworkError, match=r"8x6\+lines: 134,348,800 weights, 1.50 GiB .* fit: 1.00 GiB are available"):
        TDLearner(network=network)
    memory.check_memory(network, coherent=False)  # half a GiB


def test_a_player_that_does_not_fit_is_refused_before_it_takes_memory(tmp_path, monkeypatch):
    save_learner(TDLearner(network=PAIRS), tmp_path)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**20)

    with pytest.raises(NetworkError, match=r"45: 256 weights, 0.02 GiB of memory to play do not fit: 0.00 GiB"):
        load_agent(tmp_path)


def test_unknown_memory_refuses_nothing(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: None)

    memory.check_memory(Network.named("8x6@15,14,13,12"))


@pytest.mark.parametrize(
    ("machine", "limit", "used", "stat", "available"),
    [
        ("MemTotal: 9 kB\nMemAvailable:  4000 kB\n", "max\n", "5\n", None, 4_096_000),
        ("MemAvailable: 4000 kB\n", "3000000\n", "1000000\n", None, 2_000_000),
        ("MemAvailable: 4000 kB\n", "3000000\n", "3500000\n", "anon 7\n", 0),
        ("MemAvailable: 4000 kB\n", "3000000\n", "2900000\n", FILES, 1_700_000),
        ("MemFree: 4000 kB\n", None, None, None, None),
        (None, "3000000\n", "1000000\n", None, 2_000_000),
        (None, None, None, None, None),
    ],
    ids=[
        "no limit", "container", "container is full", "container is full of files", "old kernel", "container alone",
        "nothing known",
    ],
)  # fmt: skip
def test_the_machine_and_the_container_both_limit(machine, limit, used, stat, available, tmp_path, monkeypatch):
    for name, text in (("machine", machine), ("limit", limit), ("used", used), ("stat", stat)):
        if text is not None:
            (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "machine")
    monkeypatch.setattr(memory, "GROUPS", ((tmp_path / "limit", tmp_path / "used", tmp_path / "stat"),))

    assert memory.available_bytes() == available
