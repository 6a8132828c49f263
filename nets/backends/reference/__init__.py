"""The reference: every array operation of the engine in plain NumPy, one file a topic.

Read these to know what is computed; `nets.backends.jit` computes the same, faster. Backward rules are written as in
Nielsen, *Neural Networks and Deep Learning*, chapter 2: ``delta`` is dL/dz, the error at a layer's weighted input z.
"""

from nets.backends.reference.attention import AttentionOps
from nets.backends.reference.base import Array
from nets.backends.reference.convolution import ConvolutionOps
from nets.backends.reference.embedding import EmbeddingOps
from nets.backends.reference.linear import LinearOps
from nets.backends.reference.loss import LossOps
from nets.backends.reference.normalization import NormalizationOps
from nets.backends.reference.optimization import OptimizationOps
from nets.backends.reference.pointwise import PointwiseOps
from nets.backends.reference.pooling import PoolingOps
from nets.backends.reference.recurrent import RecurrentOps

__all__ = ["Array", "ArrayOps"]


class ArrayOps(
    LinearOps,
    EmbeddingOps,
    ConvolutionOps,
    PoolingOps,
    NormalizationOps,
    RecurrentOps,
    AttentionOps,
    LossOps,
    OptimizationOps,
    PointwiseOps,
):
    """All array operations, in NumPy."""
