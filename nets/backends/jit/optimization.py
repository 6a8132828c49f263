"""To be written."""

from nets.backends.reference.optimization import OptimizationOps


class JitOptimizationOps(OptimizationOps):
    """To be written."""
