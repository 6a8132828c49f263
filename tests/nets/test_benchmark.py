"""The benchmark against PyTorch, as far as it goes without PyTorch; what is timed there decides nothing here."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmarks.nets import __main__ as command
from benchmarks.nets.ours import Ours
from benchmarks.nets.report import summarize
from benchmarks.nets.workloads import WORKLOADS

RATIOS = {"mlp_small", "mlp", "conv", "lstm", "transformer", "adam", "conv_transpose"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_step_of_a_workload_lowers_its_loss(name):
    side = Ours(name)
    before = side.loss().item()

    side.step()

    assert side.loss().item() < before
    assert all(np.isfinite(gradient).all() for gradient in side.gradients())


def test_a_workload_has_the_same_data_at_every_call():
    for workload in WORKLOADS.values():
        for first, second in zip(workload.data(), workload.data(), strict=True):
            np.testing.assert_array_equal(first, second)


def test_the_ratios_are_the_seven_that_were_promised(monkeypatch):
    monkeypatch.setattr("benchmarks.nets.report.version", lambda name: "0")
    result = {
        "milliseconds": {"nets": {"min": 1.0, "median": 1.0}, "fused": {"min": 2.0, "median": 2.0}},
        "best": "fused",
        "ratio": 0.5,
        "ratio_median": 0.5,
        "ratio_compiled": None,
        "largest_difference": 1.23e-6,
    }

    summary = summarize(dict.fromkeys(WORKLOADS, result), memory={})

    assert summary["ratios"] == dict.fromkeys(RATIOS, 0.5)


def test_without_pytorch_the_command_says_what_sets_it_up(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(command, "TORCH_PYTHON", Path("nowhere"))

    with pytest.raises(SystemExit, match="make bench-nets"):
        command.settle()
