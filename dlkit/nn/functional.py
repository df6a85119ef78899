"""Layers and losses as functions of tensors (``torch.nn.functional``); each is defined beside its module."""

# ruff: noqa: F401, I001

from ..convolution import conv1d, conv2d, conv_transpose2d
from ..pooling import adaptive_avg_pool2d, avg_pool2d, interpolate, max_pool2d
from .activations import (
    celu, elu, gelu, hardsigmoid, hardswish, hardtanh, leaky_relu, log_softmax, logsigmoid, mish, prelu, relu, relu6,
    selu, sigmoid, silu, softmax, softplus, softsign, swish, tanh,
)  # fmt: skip
from .attention import scaled_dot_product_attention
from .layers import dropout, linear, one_hot
from .losses import (
    barron_loss, binary_cross_entropy, binary_cross_entropy_with_logits, class_balanced_weights, cross_entropy,
    dice_loss, focal_loss, gaussian_nll_loss, huber_loss, kl_div, l1_loss, mse_loss, nll_loss, poisson_nll_loss,
    quantile_loss, sigmoid_focal_loss, smooth_l1_loss, tukey_loss,
)  # fmt: skip
from .normalization import batch_norm, layer_norm
from .recurrent import embedding

__all__ = [name for name in dir() if not name.startswith("_")]
