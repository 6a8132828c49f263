"""Layers, activations and losses as functions of tensors, after ``torch.nn.functional``.

Each checks its arguments, calls one coarse operation of the back end, and records its backward rule as a whole: a
tape of few large steps costs little and lets the kernels fuse what belongs together.
"""

from nets.functional.activations import (
    ACTIVATIONS,
    activation,
    gelu,
    identity,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    swish,
    tanh,
)
from nets.functional.attention import scaled_dot_product_attention, self_attention
from nets.functional.convolution import avg_pool2d, conv2d, conv_transpose2d, max_pool2d, upsample_nearest2d
from nets.functional.linear import dropout, embedding, embedding_bag, linear, one_hot
from nets.functional.losses import (
    PROBABILITY_LOSSES,
    binary_cross_entropy_with_logits,
    cross_entropy,
    gaussian_kl,
    huber_loss,
    l1_loss,
    mse_loss,
    probability_loss,
)
from nets.functional.normalization import batch_norm, group_norm, layer_norm
from nets.functional.recurrent import gru, lstm, rnn

__all__ = [
    "ACTIVATIONS",
    "PROBABILITY_LOSSES",
    "activation",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "embedding",
    "embedding_bag",
    "gaussian_kl",
    "gelu",
    "group_norm",
    "gru",
    "huber_loss",
    "identity",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "lstm",
    "max_pool2d",
    "mse_loss",
    "one_hot",
    "probability_loss",
    "relu",
    "rnn",
    "scaled_dot_product_attention",
    "self_attention",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "swish",
    "tanh",
    "upsample_nearest2d",
]
