"""To be written."""

from typing import Any


def load(*args: Any) -> Any:
    """To be written."""


def save(*args: Any) -> Any:
    """To be written."""
