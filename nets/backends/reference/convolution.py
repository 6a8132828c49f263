"""To be written."""

from nets.backends.reference.base import BaseOps


class ConvolutionOps(BaseOps):
    """To be written."""
