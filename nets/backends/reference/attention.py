"""To be written."""

from nets.backends.reference.base import BaseOps


class AttentionOps(BaseOps):
    """To be written."""
