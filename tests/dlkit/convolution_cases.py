"""Cases of convolution and pooling for the parity table, and the grid of arguments that random tests draw from."""

import numpy as np
import torch

import dlkit
import dlkit.nn.functional


def F(t):
    return t.nn.functional if t is torch else dlkit.nn.functional


def integers(*shape):
    """Few different values, so that windows hold equal maxima."""
    return np.random.default_rng(3).integers(-2, 3, shape).astype(float)


def conv(name, *rows):
    return [(label, lambda t, *a, o=options: getattr(F(t), name)(*a, **o), *shapes) for label, options, *shapes in rows]


def pool(name, *rows):
    return [(label, lambda t, x, o=options: getattr(F(t), name)(x, **o), *inputs) for label, options, *inputs in rows]


IMAGES, KERNELS, BIAS = (2, 4, 7, 6), (6, 4, 3, 2), (6,)

CONVOLUTION_TABLE = {
    "convolution.conv2d": conv(
        "conv2d",
        ("plain", {}, IMAGES, KERNELS, BIAS),
        ("no bias", {}, IMAGES, KERNELS),
        ("one pixel kernel", {}, IMAGES, (3, 4, 1, 1)),
        ("one pixel kernel, stride", {"stride": 2}, IMAGES, (3, 4, 1, 1)),
        ("padding", {"padding": (2, 1)}, IMAGES, KERNELS, BIAS),
        ("stride", {"stride": 2}, IMAGES, KERNELS, BIAS),
        ("stride along the height", {"stride": (2, 1), "padding": 1}, IMAGES, KERNELS, BIAS),
        ("stride along the width", {"stride": (1, 3), "padding": 1}, IMAGES, KERNELS, BIAS),
        ("dilation", {"dilation": (2, 3), "padding": 1}, IMAGES, KERNELS, BIAS),
        ("stride and dilation", {"stride": (2, 2), "dilation": 2, "padding": 2}, IMAGES, KERNELS, BIAS),
        ("same", {"padding": "same"}, IMAGES, (5, 4, 3, 5)),
        ("valid", {"padding": "valid"}, IMAGES, KERNELS),
        ("groups", {"groups": 2}, IMAGES, (6, 2, 3, 2), BIAS),
        ("depthwise, stride", {"groups": 4, "stride": 2, "padding": 1}, IMAGES, (8, 1, 3, 3), (8,)),
        ("kernel as large as the image", {}, IMAGES, (2, 4, 7, 6)),
        ("unused border", {"stride": 3}, (1, 1, 7, 8), (1, 1, 2, 2)),
        ("one image of one pixel", {}, (1, 1, 1, 1), (1, 1, 1, 1), (1,)),
        ("strided input", {}, np.random.default_rng(0).normal(size=(6, 7, 4, 2)).T, KERNELS),
    ),
    "convolution.conv_transpose2d": conv(
        "conv_transpose2d",
        ("plain", {}, IMAGES, (4, 3, 3, 2), (3,)),
        ("no bias", {}, IMAGES, (4, 3, 3, 2)),
        ("stride", {"stride": 2}, IMAGES, (4, 3, 3, 2), (3,)),
        ("stride larger than the kernel", {"stride": 3}, IMAGES, (4, 3, 2, 2)),
        ("padding", {"padding": 1, "stride": (2, 1)}, IMAGES, (4, 3, 3, 3)),
        ("output padding", {"stride": 3, "padding": 1, "output_padding": (2, 1)}, IMAGES, (4, 3, 3, 3)),
        ("output padding by dilation", {"dilation": 2, "output_padding": 1}, IMAGES, (4, 3, 3, 2)),
        ("dilation", {"dilation": (2, 3), "stride": 2}, IMAGES, (4, 3, 3, 2)),
        ("groups", {"groups": 2, "stride": 2}, IMAGES, (4, 3, 2, 2), (6,)),
        ("one pixel kernel", {}, IMAGES, (4, 3, 1, 1)),
    ),
    "convolution.conv1d": conv(
        "conv1d",
        ("plain", {}, (2, 4, 9), (6, 4, 3), BIAS),
        ("all", {"stride": 2, "padding": 2, "dilation": 2, "groups": 2}, (2, 4, 9), (6, 2, 3), BIAS),
        ("same", {"padding": "same"}, (2, 4, 9), (6, 4, 3)),
    ),
    "pooling.max_pool2d": pool(
        "max_pool2d",
        ("plain", {"kernel_size": 2}, IMAGES),
        ("ties", {"kernel_size": 2}, integers(2, 3, 6, 6), "kink"),
        ("overlapping ties", {"kernel_size": 3, "stride": 1, "padding": 1}, integers(2, 3, 6, 6), "kink"),
        ("padding", {"kernel_size": 3, "stride": 2, "padding": 1}, IMAGES),
        ("ceil mode", {"kernel_size": (2, 3), "stride": (3, 2), "ceil_mode": True}, (1, 2, 9, 8)),
        ("ceil mode drops a window", {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}, (1, 1, 6, 6)),
    ),
    "pooling.avg_pool2d": pool(
        "avg_pool2d",
        ("plain", {"kernel_size": 2}, IMAGES),
        ("padding counts", {"kernel_size": 3, "stride": 2, "padding": 1}, IMAGES),
        ("padding does not", {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, IMAGES),
        ("ceil mode", {"kernel_size": 3, "stride": 2, "ceil_mode": True}, (1, 2, 8, 9)),
        ("ceil mode and padding", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, (1, 2, 8, 9)),
    ),
    "pooling.adaptive_avg_pool2d": pool(
        "adaptive_avg_pool2d",
        ("one bin", {"output_size": 1}, IMAGES),
        ("overlapping bins", {"output_size": (3, 4)}, IMAGES),
        ("more bins than pixels", {"output_size": (9, 7)}, IMAGES),
    ),
    "pooling.interpolate": pool(
        "interpolate",
        ("nearest", {"scale_factor": 2}, IMAGES),
        ("nearest, smaller", {"size": (3, 4)}, IMAGES),
        ("bilinear", {"scale_factor": 2, "mode": "bilinear"}, IMAGES),
        ("bilinear, uneven", {"scale_factor": (1.7, 2.5), "mode": "bilinear"}, IMAGES),
        ("bilinear, smaller", {"size": (3, 4), "mode": "bilinear"}, IMAGES),
        ("corners", {"size": (5, 9), "mode": "bilinear", "align_corners": True}, IMAGES),
        ("one pixel, corners", {"size": (1, 1), "mode": "bilinear", "align_corners": True}, IMAGES),
    ),
}
