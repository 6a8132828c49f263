"""To be written."""

from nets.backends.reference.linear import LinearOps


class JitLinearOps(LinearOps):
    """To be written."""
