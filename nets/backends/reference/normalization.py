"""To be written."""

from nets.backends.reference.base import BaseOps


class NormalizationOps(BaseOps):
    """To be written."""
