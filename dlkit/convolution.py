"""Convolution, transposed convolution and pooling of images (N, C, H, W), and the arithmetic of their sizes.

A convolution is a matrix product between the kernels and shifted copies of the image. Copying every shift of a
kernel (im2col) multiplies the memory by kh · kw. Here only the shifts along the width are copied, kw times; one
product applies all rows of the kernels, and their results are added, each shifted by its row. Inside, images are
kept as (C, H, N, W), so that a shift along the height is one contiguous block.
"""

import math

from .autograd import record
from .backend import xp
from .ops import _floating, _tensor
from .shape_ops import squeeze, unsqueeze

__all__ = [
    "avg_pool2d", "conv1d", "conv2d", "conv2d_loops", "conv_matrix", "conv_transpose2d", "interpolate",
    "adaptive_avg_pool2d", "max_pool2d", "output_size", "receptive_field",
]  # fmt: skip

# --- sizes --------------------------------------------------------------------------------------------------------


def output_size(size, kernel_size, stride=1, padding=0, dilation=1, ceil_mode=False):
    """Length of the result of a convolution or pooling along one dimension.

    floor((size + 2 · padding - dilation · (kernel_size - 1) - 1) / stride) + 1; with ``ceil_mode`` the quotient is
    rounded up, unless the last window would start beyond the input and its left padding.

    Source: Dumoulin and Visin (2016), relationship 6 and section 5.1.
    """
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    n = -(-room // stride) + 1
    return n - 1 if (n - 1) * stride >= size + padding else n


def receptive_field(layers):
    """Size, spacing and first centre of the receptive fields after a chain of layers.

    Parameters
    ----------
    layers : sequence of (kernel_size, stride, padding, dilation)
        Missing trailing entries are 1, 0 and 1.

    Returns
    -------
    (size, jump, start) : int, int, float
        Side of the input region that one output sees, distance between neighbouring outputs, and centre of the
        first, all in input pixels (the centre of the first pixel is 0).

    Source: Araujo, Norris and Sim (2019), Distill, doi 10.23915/distill.00021.
    """
    size, jump, start = 1, 1, 0.0
    for layer in layers:
        kernel, stride, padding, dilation = (*layer, *(1, 0, 1)[len(layer) - 1 :])
        reach = dilation * (kernel - 1)
        size, start, jump = size + reach * jump, start + (reach / 2 - padding) * jump, jump * stride
    return size, jump, start


def _pair(name, argument, value, dims=2):
    """``value`` for each dimension, from one integer or several."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * dims
    low = 0 if argument.endswith("padding") else 1
    if len(values) != dims or not all(isinstance(n, int) and n >= low for n in values):
        few = "an integer" if dims == 1 else "one or two integers"
        raise ValueError(f"{name}: {argument} must be {few} of at least {low}, got {value!r}")
    return values


def _image(name, input):
    if _floating(name, input).ndim != 4:
        raise ValueError(f"{name}: expected input (N, C, H, W), got shape {input.shape}")
    return input


# --- linear maps and their transposes -------------------------------------------------------------------------------


def _pad(x, ph, pw):
    """(N, C, H, W) to (C, H + ph, N, W + pw), with zeros; ph and pw are pairs (before, after)."""
    n, c, h, w = x.shape
    padded = xp.zeros((c, h + sum(ph), n, w + sum(pw)), x.dtype)
    padded[:, ph[0] : ph[0] + h, :, pw[0] : pw[0] + w] = x.transpose(1, 2, 0, 3)
    return padded


def _steps(i, count, stride, dilation):
    """Where the i-th tap of a kernel meets the input, for ``count`` outputs."""
    return slice(i * dilation, i * dilation + (count - 1) * stride + 1, stride)


def _shifts(x, axis, k, count, stride, dilation):
    """The k shifts of x along an axis (1 or 3), as a new dimension behind the channels: (C, k, ...)."""
    shape = list(x.shape)
    shape[axis] = count
    out = xp.empty((shape[0], k, *shape[1:]), x.dtype)
    for i in range(k):
        out[:, i] = x[(slice(None),) * axis + (_steps(i, count, stride, dilation),)]
    return out


def _add_shifts(shifts, axis, size, stride, dilation):
    """The transpose of :func:`_shifts`: each shift is added where it came from."""
    c, k, *shape = shifts.shape
    count, shape[axis - 1] = shape[axis - 1], size
    out = xp.zeros((c, *shape), shifts.dtype)
    for i in range(k):
        out[(slice(None),) * axis + (_steps(i, count, stride, dilation),)] += shifts[:, i]
    return out


class _Plan:
    """One convolution's sizes, and the three products of it that the two directions need."""

    def __init__(self, size, kernel, stride, padding, dilation):
        self.size, self.kernel, self.stride, self.padding, self.dilation = size, kernel, stride, padding, dilation
        self.out = tuple(
            (n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(size, kernel, stride, padding, dilation)
        )

    def lower(self, x):
        """The image as a matrix: (C · kw, H · N · W'), or with a stride along the height (C · kh · kw, H' · N · W').

        With a stride, adding rows would compute too many of them: the shifts along the height are copied, too.
        """
        (kh, kw), (ho, wo), (sh, sw), (dh, dw) = self.kernel, self.out, self.stride, self.dilation
        x = _pad(x, *self.padding)
        if sh > 1:
            x = _shifts(x, 1, kh, ho, sh, dh).reshape(-1, ho, *x.shape[2:])
        return _shifts(x, 3, kw, wo, sw, dw).reshape(x.shape[0] * kw, -1)

    def matrix(self, w):
        """The kernels as a matrix that multiplies a lowered image: (kh · O, C · kw), or (O, C · kh · kw)."""
        o, c, kh, kw = w.shape
        return w.reshape(o, -1) if self.stride[0] > 1 else w.transpose(2, 0, 1, 3).reshape(kh * o, c * kw)

    def forward(self, x, w):
        """(N, C, H, W) and (O, C, kh, kw) to (N, O, H', W')."""
        ho, d = self.out[0], self.dilation[0]
        rows = (self.matrix(w) @ self.lower(x)).reshape(-1, len(w), *self.lowered_shape(len(x)))
        out = rows[0, :, :ho]
        if len(rows) > 1:
            out = out.copy()
            for i in range(1, len(rows)):
                out += rows[i, :, i * d : i * d + ho]
        return out.transpose(2, 0, 1, 3)

    def lowered_shape(self, n):
        """(H or H', N, W'): what the columns of a lowered image of n images stand for."""
        height = self.out[0] if self.stride[0] > 1 else self.size[0] + sum(self.padding[0])
        return height, n, self.out[1]

    def spread(self, g):
        """The transpose of adding rows: g once for each row of the kernel, where that row meets the image."""
        kh, ho, d, (n, o) = self.kernel[0], self.out[0], self.dilation[0], g.shape[:2]
        g = g.transpose(1, 2, 0, 3)
        if self.stride[0] > 1:
            return xp.ascontiguousarray(g).reshape(o, -1)
        rows = xp.zeros((kh, o, *self.lowered_shape(n)), g.dtype)
        for i in range(kh):
            rows[i, :, i * d : i * d + ho] = g
        return rows.reshape(kh * o, -1)

    def weight_gradient(self, x, g):
        """(N, C, H, W) and (N, O, H', W') to (O, C, kh, kw)."""
        product, c, o = self.spread(g) @ self.lower(x).T, x.shape[1], g.shape[1]
        if self.stride[0] > 1:
            return product.reshape(o, c, *self.kernel)
        return product.reshape(self.kernel[0], o, c, -1).transpose(1, 2, 0, 3)

    def input_gradient(self, g, w):
        """(N, O, H', W') and (O, C, kh, kw) to (N, C, H, W): the transposed convolution."""
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.stride, self.dilation
        (top, bottom), (left, right) = self.padding
        height, width = self.size[0] + top + bottom, self.size[1] + left + right
        lowered = (self.matrix(w).T @ self.spread(g)).reshape(-1, kw, *self.lowered_shape(len(g)))
        x = _add_shifts(lowered, 3, width, sw, dw)
        if sh > 1:
            x = _add_shifts(x.reshape(w.shape[1], kh, *x.shape[1:]), 1, height, sh, dh)
        return x[:, top : height - bottom, :, left : width - right].transpose(2, 0, 1, 3)


def _grouped(function, groups, a, b, axes, axis):
    """``function`` of each pair of parts of a and b, split along ``axes``, joined along ``axis``."""
    if groups == 1:
        return function(a, b)
    parts = zip(xp.split(a, groups, axes[0]), xp.split(b, groups, axes[1]))
    return xp.concatenate([function(x, y) for x, y in parts], axis)


# --- convolution ----------------------------------------------------------------------------------------------------


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of images with kernels (``torch.nn.functional.conv2d``).

    output[n, o, i, j] = bias[o] + Σ weight[o, c, p, q] · input[n, c, i · stride + p · dilation - padding, ...]

    Parameters
    ----------
    input : Tensor (N, C, H, W)
    weight : Tensor (O, C / groups, kh, kw)
    bias : Tensor (O,), optional
    stride, dilation : int or (int, int), positive
    padding : int, (int, int), 'valid' (none) or 'same' (output as large as input; stride 1)
    groups : int
        Input and output channels are split into so many groups that do not see each other.

    Returns
    -------
    Tensor (N, O, H', W'), with :func:`output_size` along each side

    Raises
    ------
    ValueError
        If shapes, channels and groups do not fit, or the kernel is larger than the padded input.
    """
    name = "conv2d"
    x = _image(name, input)
    w = _kernels(name, x, weight, groups)
    stride, dilation = _pair(name, "stride", stride), _pair(name, "dilation", dilation)
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(
            f"{name}: input has {x.shape[1]} channels (shape {x.shape}), but weight {w.shape} with groups={groups} "
            f"expects {w.shape[1] * groups}"
        )
    kernel, spans = w.shape[2:], [d * (k - 1) for d, k in zip(dilation, w.shape[2:])]
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"{name}: padding='same' needs stride 1, got {stride}")
        sides = [(s // 2, s - s // 2) for s in spans]
    else:
        sides = [(p, p) for p in _pair(name, "padding", 0 if padding == "valid" else padding)]
    for length, side, span in zip(x.shape[2:], sides, spans):
        if length + sum(side) <= span:
            raise ValueError(
                f"{name}: kernel {kernel} with dilation {dilation} is larger than the padded input, "
                f"shape {x.shape} with padding {padding!r}"
            )
    plan = _Plan(x.shape[2:], kernel, stride, sides, dilation)
    a, b = x.data, w.data
    value = _grouped(plan.forward, groups, a, b, (1, 0), 1)
    return _with_bias(
        name,
        value,
        bias,
        (x, lambda g: _grouped(plan.input_gradient, groups, g, b, (1, 0), 1), w),
        (w, lambda g: _grouped(plan.weight_gradient, groups, a, g, (1, 1), 0), x),
    )


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The transpose of :func:`conv2d` as a linear map: each input pixel stamps the kernel on the output.

    Parameters
    ----------
    input : Tensor (N, C, H, W)
    weight : Tensor (C, O / groups, kh, kw)
    bias : Tensor (O,), optional
    stride, padding, dilation : int or (int, int)
        Of the convolution that this one transposes.
    output_padding : int or (int, int), smaller than stride or dilation
        Rows and columns added at the far end, to choose among the sizes that the convolution maps to (H, W).
    groups : int

    Returns
    -------
    Tensor (N, O, H', W'), H' = (H - 1) · stride - 2 · padding + dilation · (kh - 1) + output_padding + 1

    Raises
    ------
    ValueError
        If shapes, channels and groups do not fit, or output_padding is too large.
    """
    name = "conv_transpose2d"
    x = _image(name, input)
    w = _kernels(name, x, weight, groups, first="C")
    stride, dilation = _pair(name, "stride", stride), _pair(name, "dilation", dilation)
    padding, extra = _pair(name, "padding", padding), _pair(name, "output_padding", output_padding)
    if x.shape[1] != w.shape[0]:
        raise ValueError(
            f"{name}: input has {x.shape[1]} channels (shape {x.shape}), weight {w.shape} expects {w.shape[0]}"
        )
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise ValueError(f"{name}: output_padding {extra} must be smaller than stride {stride} or dilation {dilation}")
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(x.shape[2:], stride, padding, dilation, w.shape[2:], extra)
    )
    if min(size) < 1:
        raise ValueError(f"{name}: padding {padding} leaves nothing of the output for input {x.shape}")
    plan = _Plan(size, w.shape[2:], stride, [(p, p) for p in padding], dilation)
    plan.out = x.shape[2:]  # output_padding may leave room for one more
    a, b = x.data, w.data
    value = _grouped(plan.input_gradient, groups, a, b, (1, 0), 1)
    return _with_bias(
        name,
        value,
        bias,
        (x, lambda g: _grouped(plan.forward, groups, g, b, (1, 0), 1), w),
        (w, lambda g: _grouped(plan.weight_gradient, groups, g, a, (1, 1), 0), x),
    )


def _kernels(name, input, weight, groups, first="O"):
    if _floating(name, weight).ndim != 4:
        raise ValueError(f"{name}: expected weight ({first}, ..., kh, kw), got shape {weight.shape}")
    if input.data.dtype != weight.data.dtype:
        raise TypeError(f"{name}: dtypes differ, input {input.data.dtype} and weight {weight.data.dtype}")
    if not isinstance(groups, int) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"{name}: groups must be a positive divisor of {weight.shape[0]} channels, got {groups}")
    return weight


def _with_bias(name, value, bias, *edges):
    if bias is None:
        return record(name, value, *edges)
    if _tensor(name, bias).shape != value.shape[1:2]:
        raise ValueError(f"{name}: bias has shape {bias.shape}, expected {value.shape[1:2]}")
    return record(name, value + bias.data[:, None, None], *edges, (bias, lambda g: g.sum((0, 2, 3))))


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of signals (N, C, L) with kernels (O, C / groups, k): :func:`conv2d` with height 1."""
    if _tensor("conv1d", input).ndim != 3 or _tensor("conv1d", weight).ndim != 3:
        raise ValueError(f"conv1d: expected input (N, C, L) and weight (O, C, k), got {input.shape} and {weight.shape}")
    (stride,), (dilation,) = _pair("conv1d", "stride", stride, 1), _pair("conv1d", "dilation", dilation, 1)
    padding = padding if isinstance(padding, str) else (0, *_pair("conv1d", "padding", padding, 1))
    flat = conv2d(unsqueeze(input, 2), unsqueeze(weight, 2), bias, (1, stride), padding, (1, dilation), groups)
    return squeeze(flat, 2)


def conv2d_loops(input, weight, stride=1, padding=0, dilation=1):
    """:func:`conv2d` of arrays as its definition reads: six loops, for reading and for checking."""
    n, c, h, w = input.shape
    o, _, kh, kw = weight.shape
    ho, wo = (output_size(size, k, stride, padding, dilation) for size, k in ((h, kh), (w, kw)))
    output = xp.zeros((n, o, ho, wo))
    for image in range(n):
        for out in range(o):
            for i in range(ho):
                for j in range(wo):
                    for p in range(kh):
                        for q in range(kw):
                            y, x = i * stride + p * dilation - padding, j * stride + q * dilation - padding
                            if 0 <= y < h and 0 <= x < w:
                                output[image, out, i, j] += input[image, :, y, x] @ weight[out, :, p, q]
    return output


def conv_matrix(weight, size, stride=1, padding=0, dilation=1):
    """The matrix of :func:`conv2d` on images of one size: conv2d(x).flatten() = matrix @ x.flatten().

    Parameters
    ----------
    weight : array (O, C, kh, kw)
    size : (H, W)

    Returns
    -------
    array (O · H' · W', C · H · W), mostly zeros
    """
    o, c, kh, kw = weight.shape
    pixels = xp.eye(c * math.prod(size)).reshape(-1, c, *size)
    plan = _Plan(size, (kh, kw), (stride, stride), [(padding, padding)] * 2, (dilation, dilation))
    return plan.forward(pixels, weight).reshape(len(pixels), -1).T


# --- pooling and resizing -------------------------------------------------------------------------------------------


def _windows(name, input, kernel_size, stride, padding, ceil_mode, fill):
    """The padded image, and for every offset in the window the slice that all outputs see there."""
    x, kernel = _image(name, input), _pair(name, "kernel_size", kernel_size)
    stride, padding = _pair(name, "stride", kernel if stride is None else stride), _pair(name, "padding", padding)
    if any(2 * p > k for p, k in zip(padding, kernel)):
        raise ValueError(f"{name}: padding {padding} must be at most half of kernel_size {kernel}")
    out = [output_size(n, k, s, p, 1, ceil_mode) for n, k, s, p in zip(x.shape[2:], kernel, stride, padding)]
    if min(out) < 1:
        raise ValueError(f"{name}: kernel_size {kernel} is larger than the padded input, shape {x.shape}")
    need = [(o - 1) * s + k for o, s, k in zip(out, stride, kernel)]
    padded = xp.full(
        (*x.shape[:2], *(max(n + 2 * p, m) for n, p, m in zip(x.shape[2:], padding, need))),
        fill,
        x.data.dtype,
    )
    inside = tuple(slice(p, p + n) for p, n in zip(padding, x.shape[2:]))
    padded[:, :, *inside] = x.data
    offsets = [
        (..., _steps(i, out[0], stride[0], 1), _steps(j, out[1], stride[1], 1))
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]
    return padded, inside, offsets


def max_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False):
    """The largest value in each window of (N, C, H, W); the first of equal ones receives the gradient.

    Parameters
    ----------
    kernel_size, stride : int or (int, int)
        stride is kernel_size if left out.
    padding : int or (int, int), at most half of kernel_size
        With minus infinity.
    ceil_mode : bool
        Whether a last window that is cut off counts, too.
    """
    padded, inside, offsets = _windows("max_pool2d", input, kernel_size, stride, padding, ceil_mode, -xp.inf)
    value = padded[offsets[0]].copy()
    for offset in offsets[1:]:
        xp.maximum(value, padded[offset], out=value)

    def product(g):
        gradient, free = xp.zeros_like(padded), xp.ones(value.shape, bool)
        for offset in offsets:
            chosen = free & (padded[offset] == value)
            free &= ~chosen
            gradient[offset] += g * chosen
        return gradient[:, :, *inside]

    return record("max_pool2d", value, (input, product, input), saves_result=True)


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window of (N, C, H, W).

    Parameters are those of :func:`max_pool2d`; ``count_include_pad`` says whether padded zeros count.
    """
    padded, inside, offsets = _windows("avg_pool2d", input, kernel_size, stride, padding, ceil_mode, 0)
    counted, sides = xp.zeros(padded.shape[2:], padded.dtype), _pair("avg_pool2d", "padding", padding)
    if count_include_pad:  # the padding on both sides, but not what ceil_mode adds beyond it
        counted[tuple(slice(0, n + 2 * p) for n, p in zip(input.shape[2:], sides))] = 1
    else:
        counted[inside] = 1
    share = 1 / sum(counted[offset] for offset in offsets)
    value = sum(padded[offset] for offset in offsets) * share

    def product(g):
        gradient = xp.zeros_like(padded)
        for offset in offsets:
            gradient[offset] += g * share
        return gradient[:, :, *inside]

    return record("avg_pool2d", value, (input, product))


def _resize(name, input, rows, columns):
    """rows @ image @ columns.T for every channel: every separable linear resizing is this."""
    rows, columns = (m.astype(input.data.dtype) for m in (rows, columns))
    return record(name, rows @ input.data @ columns.T, (input, lambda g: rows.T @ g @ columns))


def adaptive_avg_pool2d(input, output_size):
    """(N, C, H, W) averaged over bins of nearly equal size, so that output_size = (H', W') of them remain."""
    sizes = _pair("adaptive_avg_pool2d", "output_size", output_size)

    def bins(n, out):
        matrix = xp.zeros((out, n))
        for i in range(out):
            first, last = i * n // out, -(-(i + 1) * n // out)
            matrix[i, first:last] = 1 / (last - first)
        return matrix

    shape = _image("adaptive_avg_pool2d", input).shape[2:]
    return _resize("adaptive_avg_pool2d", input, *(bins(n, out) for n, out in zip(shape, sizes)))


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=False):
    """(N, C, H, W) resized to ``size`` or by ``scale_factor`` (one number or a pair).

    Parameters
    ----------
    mode : 'nearest' or 'bilinear'
    align_corners : bool
        For 'bilinear': whether the centres of the corner pixels, instead of the outer edges, stay in place.
    """
    shape = _image("interpolate", input).shape[2:]
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f"interpolate: mode must be 'nearest' or 'bilinear', got {mode!r}")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if size is None:
        factors = scale_factor if isinstance(scale_factor, tuple | list) else (scale_factor, scale_factor)
        size = tuple(int(n * f) for n, f in zip(shape, factors))
    else:
        size = _pair("interpolate", "size", size)
        factors = tuple(out / n for n, out in zip(shape, size))

    def weights(n, out, factor):
        matrix, i = xp.zeros((out, n)), xp.arange(out)
        if mode == "nearest":
            matrix[i, xp.minimum((i / factor).astype(int), n - 1)] = 1
            return matrix
        place = i * ((n - 1) / max(out - 1, 1)) if align_corners else xp.maximum((i + 0.5) / factor - 0.5, 0)
        low = xp.minimum(place.astype(int), n - 1)
        part = place - low
        xp.add.at(matrix, (i, low), 1 - part)
        xp.add.at(matrix, (i, xp.minimum(low + 1, n - 1)), part)
        return matrix

    return _resize("interpolate", input, *(weights(*three) for three in zip(shape, size, factors)))
