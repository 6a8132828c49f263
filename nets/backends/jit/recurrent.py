"""To be written."""

from nets.backends.reference.recurrent import RecurrentOps


class JitRecurrentOps(RecurrentOps):
    """To be written."""
