"""To be written."""

from nets.backends.reference.loss import LossOps


class JitLossOps(LossOps):
    """To be written."""
