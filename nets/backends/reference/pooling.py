"""To be written."""

from nets.backends.reference.base import BaseOps


class PoolingOps(BaseOps):
    """To be written."""
