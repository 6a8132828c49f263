"""To be written."""

from nets.backends.reference.normalization import NormalizationOps


class JitNormalizationOps(NormalizationOps):
    """To be written."""
