"""To be written."""

from nets.backends.reference.convolution import ConvolutionOps


class JitConvolutionOps(ConvolutionOps):
    """To be written."""
