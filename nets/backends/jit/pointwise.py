"""To be written."""

from nets.backends.reference.pointwise import PointwiseOps


class JitPointwiseOps(PointwiseOps):
    """To be written."""
