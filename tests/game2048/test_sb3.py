"""The adapter for Stable-Baselines3 where that is not installed; the rest is in tests/external."""

import importlib.util

import pytest


@pytest.mark.skipif(importlib.util.find_spec("stable_baselines3") is not None, reason="Stable-Baselines3 is installed")
def test_says_what_to_install():
    with pytest.raises(ImportError, match=r'needs Stable-Baselines3: install it with  pip install "game2048\[sb3\]"'):
        importlib.import_module("game2048.sb3")
