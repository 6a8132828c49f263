"""What the recipes reach on real images; needs the files, in the folder that GAME2048_DATA names."""

import json
import os

import pytest

from cli.main import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def figures(capsys, folder, *arguments):
    """Train by the command line, and return what it says."""
    if not os.environ.get("GAME2048_DATA"):
        pytest.skip("GAME2048_DATA does not name the folder of MNIST and EMNIST")
    assert main(["nets", *arguments, "--json", "--out", str(folder)]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_default_network_reaches_98_percent(tmp_path, capsys):
    assert figures(capsys, tmp_path, "mnist")["test_accuracy"] >= 0.98


def test_the_network_of_the_book_reaches_97_8_percent(tmp_path, capsys):
    assert figures(capsys, tmp_path, "mnist", "--model", "nielsen")["test_accuracy"] >= 0.978


def test_distorted_images_bring_a_fully_connected_network_to_99_percent(tmp_path, capsys):
    assert figures(capsys, tmp_path, "mnist", "--model", "mlp-augmented")["test_accuracy"] >= 0.99


def test_a_quarter_of_the_training_brings_the_convolutional_network_to_99_2_percent(tmp_path, capsys):
    """All of it brings 99.4 %, in 10 minutes."""
    assert figures(capsys, tmp_path, "mnist", "--model", "conv", "--epochs", "4")["test_accuracy"] >= 0.992


def test_two_epochs_bring_the_convolutional_network_to_92_percent_of_letters(tmp_path, capsys):
    """All of them bring 94 %, in a quarter of an hour."""
    assert figures(capsys, tmp_path, "emnist", "--model", "conv", "--epochs", "2")["test_accuracy"] >= 0.92


def test_generated_letters_are_learned(tmp_path, capsys):
    assert figures(capsys, tmp_path, "glyphs")["test_accuracy"] >= 0.97
