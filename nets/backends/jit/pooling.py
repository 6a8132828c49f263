"""To be written."""

from nets.backends.reference.pooling import PoolingOps


class JitPoolingOps(PoolingOps):
    """To be written."""
