"""To be written."""

from nets.backends.reference.base import BaseOps


class RecurrentOps(BaseOps):
    """To be written."""
