"""The fast CPU back end: the reference with its hot operations replaced by Numba kernels, one file a topic.

Importing this compiles nothing; a kernel is compiled when it is first called, and cached on disk.
"""

from typing import ClassVar

from nets.backends.jit.attention import JitAttentionOps
from nets.backends.jit.convolution import JitConvolutionOps
from nets.backends.jit.embedding import JitEmbeddingOps
from nets.backends.jit.linear import JitLinearOps
from nets.backends.jit.loss import JitLossOps
from nets.backends.jit.normalization import JitNormalizationOps
from nets.backends.jit.optimization import JitOptimizationOps
from nets.backends.jit.pointwise import JitPointwiseOps
from nets.backends.jit.pooling import JitPoolingOps
from nets.backends.jit.recurrent import JitRecurrentOps
from nets.backends.pool import Pool
from nets.backends.reference import ArrayOps


class NumbaOps(
    JitLinearOps,
    JitEmbeddingOps,
    JitConvolutionOps,
    JitPoolingOps,
    JitNormalizationOps,
    JitRecurrentOps,
    JitAttentionOps,
    JitLossOps,
    JitOptimizationOps,
    JitPointwiseOps,
    ArrayOps,
):
    """All array operations, the hot ones compiled; temporaries come from a pool."""

    name: ClassVar[str] = "numba"

    def __init__(self) -> None:
        self.pool = Pool()
        self.empty = self.pool.empty  # type: ignore[method-assign]  # an attribute: it is called for every result
