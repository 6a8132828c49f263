"""To be written."""

from nets.backends.reference.attention import AttentionOps


class JitAttentionOps(AttentionOps):
    """To be written."""
