"""Layers for images and signals: modules around the functions of :mod:`dlkit.convolution`."""

import math

from ..convolution import _pair
from . import functional as F
from . import init
from .layers import _empty
from .module import Module, Parameter


class Conv2d(Module):
    """Cross-correlation of images (``torch.nn.Conv2d``): (N, in_channels, H, W) to (N, out_channels, H', W').

    Arguments are those of :func:`dlkit.nn.functional.conv2d`. Weight (out_channels, in_channels / groups, kh, kw) and
    bias (out_channels,) start uniform in ±1/sqrt(in_channels / groups · kh · kw), as in PyTorch.
    """

    function, dims = F.conv2d, 2

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, dtype=None
    ):
        super().__init__()
        name = type(self).__name__
        for argument, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if not isinstance(value, int) or not isinstance(groups, int) or value < 1 or groups < 1 or value % groups:
                raise ValueError(f"{name}: {argument} {value!r} must be a positive multiple of groups {groups!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _pair(name, "kernel_size", kernel_size, self.dims)
        self.stride = _pair(name, "stride", stride, self.dims)
        self.padding = padding if isinstance(padding, str) else _pair(name, "padding", padding, self.dims)
        self.dilation = _pair(name, "dilation", dilation, self.dims)
        self.weight = Parameter(_empty(*self.channels(), *self.kernel_size, dtype=dtype))
        self.bias = Parameter(_empty(out_channels, dtype=dtype)) if bias else None
        self.reset_parameters()

    def channels(self):
        """The first two lengths of the weight."""
        return self.out_channels, self.in_channels // self.groups

    def reset_parameters(self):
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        options = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}
        return type(self).function(input, self.weight, self.bias, **options)

    def extra_repr(self):
        shown = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0), ("groups", 1)):
            value = getattr(self, name, usual)
            if value not in (usual, (usual,) * self.dims):
                shown += f", {name}={value}"
        return shown + (", bias=False" if self.bias is None else "")


class Conv1d(Conv2d):
    """Cross-correlation of signals (``torch.nn.Conv1d``): (N, in_channels, L) to (N, out_channels, L')."""

    function, dims = F.conv1d, 1


class ConvTranspose2d(Conv2d):
    """The transpose of Conv2d (``torch.nn.ConvTranspose2d``); weight (in_channels, out_channels / groups, kh, kw)."""

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True,
        dilation=1, dtype=None,
    ):  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, dtype)
        self.output_padding = _pair("ConvTranspose2d", "output_padding", output_padding)

    def channels(self):
        return self.in_channels, self.out_channels // self.groups

    def forward(self, input):
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )


class MaxPool2d(Module):
    """The largest value in each window (``torch.nn.MaxPool2d``), as :func:`dlkit.nn.functional.max_pool2d`."""

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False):
        super().__init__()
        self.kernel_size, self.padding, self.ceil_mode = kernel_size, padding, ceil_mode
        self.stride = kernel_size if stride is None else stride

    def forward(self, input):
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(MaxPool2d):
    """The mean of each window (``torch.nn.AvgPool2d``), as :func:`dlkit.nn.functional.avg_pool2d`."""

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = count_include_pad

    def forward(self, input):
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AdaptiveAvgPool2d(Module):
    """Averages over bins, so that output_size remains (``torch.nn.AdaptiveAvgPool2d``)."""

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class Upsample(Module):
    """Images resized by interpolation (``torch.nn.Upsample``); arguments as :func:`dlkit.nn.functional.interpolate`."""

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=False):
        super().__init__()
        self.options = {"size": size, "scale_factor": scale_factor, "mode": mode, "align_corners": align_corners}

    def forward(self, input):
        return F.interpolate(input, **self.options)

    def extra_repr(self):
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items() if value)
