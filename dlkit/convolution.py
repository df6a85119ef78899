"""Convolution and transposed convolution of images (N, C, H, W), and the arithmetic of their sizes.

A convolution is a matrix product between the kernels and shifted copies of the image. Copying every shift of a
kernel (im2col) multiplies the memory by kh · kw. Here only the shifts along the width are copied, kw times; one
product applies all rows of the kernels, and their results are added, each shifted by its row. Inside, images are
kept as (C, H, N, W), so that a shift along the height is one contiguous block, and worked through in blocks of rows
that stay in the processor's cache.
"""

import math

import numpy

from .autograd import record
from .backend import asnumpy, xp
from .ops import _floating, _tensor
from .shape_ops import squeeze, unsqueeze

__all__ = [
    "conv1d", "conv2d", "conv2d_loops", "conv_matrix", "conv_transpose2d", "output_size", "receptive_field",
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


def _steps(i, count, stride, dilation):
    """Where the i-th tap of a kernel meets the input, for ``count`` outputs."""
    return slice(i * dilation, i * dilation + (count - 1) * stride + 1, stride)


# --- the linear map and its transposes ------------------------------------------------------------------------------

BLOCK = 4 * 2**20  # bytes that the matrices of one step may take: they should stay in the processor's cache


class _Plan:
    """One convolution's sizes, the linear map it is, and the two transposes that the backward pass needs.

    Rows of the lowered image are rows of the padded input. Where that would take more memory, or compute rows that a
    stride leaves out, they are rows of the output, and the shifts along the height are copied, too (im2col). Either
    way the image is worked through in blocks of rows.
    """

    def __init__(self, size, weight, stride, padding, dilation, groups=1, out=None):
        (o, c, *self.kernel), self.groups = weight, groups
        self.size, self.stride, self.padding, self.dilation = size, stride, padding, dilation
        sides = zip(size, padding, self.kernel, stride, dilation)
        self.out = out or tuple(output_size(n + sum(p), k, s, 0, d) for n, p, k, s, d in sides)
        kh, kw = self.kernel
        im2col = stride[0] > 1 or c * kh * kw + o // groups <= c * kw + kh * o // groups
        self.height = self.out[0] if im2col else size[0] + sum(padding[0])
        self.copied, self.added = (kh, 1) if im2col else (1, kh)  # rows of the kernel in either way
        self.kept = None  # the lowered image, from forward to backward

    def blocks(self, w, n):
        """(first, last) rows of the lowered image that are worked on at once, for n images."""
        channels = self.groups * sum(self.matrix(w).shape[1:])
        count = -(-self.height * n * self.out[1] * channels * w.itemsize // BLOCK)
        ends = [self.height * i // count for i in range(count + 1)] if count else [0, 0]
        return [(a, b) for a, b in zip(ends, ends[1:]) if b > a]

    def matrix(self, w):
        """The kernels as matrices that multiply a lowered image, one a group: (groups, added · O, C · copied · kw)."""
        o, c, kh, kw = w.shape
        w = w.reshape(self.groups, o // self.groups, c, self.copied, self.added, kw)
        return w.transpose(0, 4, 1, 2, 3, 5).reshape(self.groups, self.added * o // self.groups, c * self.copied * kw)

    def kernels(self, matrix, c):
        """The transpose of :meth:`matrix`: (groups, added · O, C · copied · kw) to (O, C, kh, kw)."""
        w = matrix.reshape(self.groups, self.added, -1, c, self.copied, self.kernel[1])
        return w.transpose(0, 2, 3, 4, 1, 5).reshape(-1, c, *self.kernel)

    def pad(self, x):
        """(N, C, H, W) to (C, H, N, W) with its padding of zeros."""
        (top, bottom), (left, right) = self.padding
        n, c, h, w = x.shape
        x = x.transpose(1, 2, 0, 3)
        if not (top or bottom or left or right):
            return x
        padded = xp.zeros((c, top + h + bottom, n, left + w + right), x.dtype)
        padded[:, top : top + h, :, left : left + w] = x
        return padded

    def shifts(self, a, b):
        """Where each copied tap (i, j) of the kernel meets the padded image, for rows a to b of the lowered one."""
        (sh, sw), (dh, dw) = self.stride, self.dilation
        for i in range(self.copied):
            rows = slice(a * sh + i * dh, (b - 1) * sh + i * dh + 1, sh)
            for j in range(self.kernel[1]):
                yield i, j, (slice(None), rows, slice(None), _steps(j, self.out[1], sw, dw))

    def lower(self, x, a, b):
        """Rows a to b of a padded image as matrices: (groups, C · copied · kw, rows · N · W')."""
        lowered = xp.empty((len(x), self.copied, self.kernel[1], b - a, x.shape[2], self.out[1]), x.dtype)
        for i, j, place in self.shifts(a, b):
            lowered[:, i, j] = x[place]
        return self.grouped(lowered, b - a, x.shape[2])

    def rows(self, a, b):
        """For each row i of the kernel whose results are added: (i, rows of the output, their place in a block)."""
        for i in range(self.added):
            shift = i * self.dilation[0]
            first, last = max(a - shift, 0), min(b - shift, self.out[0])
            yield i, slice(first, max(first, last)), slice(first + shift - a, max(first, last) + shift - a)

    def spread(self, g, a, b):
        """The gradient (O, H', N, W') once for each added row of the kernel: (groups, added · O, rows · N · W')."""
        o, _, n, width = g.shape
        if self.added == 1:
            return self.grouped(g[:, a:b], b - a, n)
        spread = xp.empty((self.groups, self.added, o // self.groups, b - a, n, width), g.dtype)
        g = g.reshape(self.groups, -1, *g.shape[1:])
        for i, rows, place in self.rows(a, b):
            spread[:, i, :, : place.start] = 0
            spread[:, i, :, place] = g[:, :, rows]
            spread[:, i, :, place.stop :] = 0
        return self.grouped(spread, b - a, n)

    def grouped(self, array, rows, n):
        return array.reshape(self.groups, -1, rows * n * self.out[1])

    def outer(self, spread, lowered, n):
        """spread @ lowered^T; row by row if it is small, because BLAS is slow on few numbers that are long sums."""
        length = n * self.out[1] if spread.shape[1] * lowered.shape[1] < 1000 else spread.shape[2]
        a, b = (m.reshape(self.groups, m.shape[1], -1, length).swapaxes(1, 2) for m in (spread, lowered))
        return (a @ b.swapaxes(2, 3)).sum(1)

    def forward(self, x, w, keep=False):
        """(N, C, H, W) and (O, C / groups, kh, kw) to (N, O, H', W'); may keep the lowered image if it is small."""
        matrix, n, x = self.matrix(w), len(x), self.pad(x)
        out = xp.empty((self.groups, len(w) // self.groups, self.out[0], n, self.out[1]), x.dtype)
        for a, b in self.blocks(w, n):
            lowered = self.lower(x, a, b)
            if keep and b - a == self.height:
                self.kept = lowered
            product = (matrix @ lowered).reshape(self.groups, self.added, -1, b - a, n, self.out[1])
            for i, rows, place in self.rows(a, b):
                if i == 0:  # the first to reach these rows of the output
                    out[:, :, rows] = product[:, 0, :, place]
                else:
                    out[:, :, rows] += product[:, i, :, place]
        return out.reshape(len(w), *out.shape[2:]).transpose(2, 0, 1, 3)

    def backward(self, g, w, x=None, image=True):
        """The gradient (N, O, H', W') with respect to the image, and, if x is given, to the kernels; else None.

        The first is the transposed convolution. Both need the spread gradient.
        """
        n, matrix = len(g), self.matrix(w)
        g = xp.ascontiguousarray(g.transpose(1, 2, 0, 3))
        (top, bottom), (left, right) = self.padding
        (h, width), c = self.size, self.groups * w.shape[1]
        if image:
            full = xp.zeros((c, top + h + bottom, n, left + width + right), g.dtype)
        if x is not None:
            x, by_matrix = x if self.kept is not None else self.pad(x), xp.zeros_like(matrix)
        for a, b in self.blocks(w, n):
            spread = self.spread(g, a, b)
            if x is not None:
                lowered = self.lower(x, a, b) if self.kept is None else self.kept
                by_matrix += self.outer(spread, lowered, n)
            if image:
                lowered = (matrix.swapaxes(1, 2) @ spread).reshape(c, self.copied, -1, b - a, n, self.out[1])
                for i, j, place in self.shifts(a, b):
                    full[place] += lowered[:, i, j]
        image = full[:, top : top + h, :, left : left + width].transpose(2, 0, 1, 3) if image else None
        return image, None if x is None else self.kernels(by_matrix, w.shape[1])


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
    return _convolve("conv2d", _image("conv2d", input), weight, bias, stride, padding, dilation, groups)


def _convolve(name, x, weight, bias, stride, padding, dilation, groups, dims=2):
    w = _kernels(name, x, weight, groups)
    shape, kernel = (s[:2] + s[-dims:] for s in (x.shape, w.shape))  # as the user knows them
    if shape[1] != kernel[1] * groups:
        raise ValueError(
            f"{name}: input has {shape[1]} channels (shape {shape}), but weight {kernel} with groups={groups} "
            f"expects {kernel[1] * groups}"
        )
    stride, dilation = _pair(name, "stride", stride, dims), _pair(name, "dilation", dilation, dims)
    spans = [d * (k - 1) for d, k in zip(dilation, kernel[2:])]
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(f"{name}: padding='same' needs stride 1, got {stride}")
        sides = [(s // 2, s - s // 2) for s in spans]
    else:
        sides = [(p, p) for p in _pair(name, "padding", 0 if padding == "valid" else padding, dims)]
    for length, side, span in zip(shape[2:], sides, spans):
        if length + sum(side) <= span:
            raise ValueError(
                f"{name}: kernel {kernel[2:]} with dilation {dilation} is larger than the padded input, "
                f"shape {shape} with padding {padding!r}"
            )
    if dims == 1:
        stride, sides, dilation = (1, *stride), [(0, 0), *sides], (1, *dilation)
    plan = _Plan(x.shape[2:], w.shape, stride, sides, dilation, groups)
    a, b, image, kernels = x.data, w.data, x.node is not None, w.node is not None
    by_input, by_weight = _together(lambda g: plan.backward(g, b, a if kernels else None, image))
    return _with_bias(name, plan.forward(a, b, keep=kernels), bias, (x, by_input, w), (w, by_weight, x))


def _together(function):
    """Two products from a function that computes both: the first leaves the second's result behind for it."""
    left = []

    def first(g):
        mine, other = function(g)
        left.append(other)
        return mine

    return first, lambda g: left.pop() if left else function(g)[1]


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
    # output_padding may leave room for one more row or column than x has
    sides, a, b = [(p, p) for p in padding], x.data, w.data
    plan = _Plan(size, w.shape, stride, sides, dilation, groups, x.shape[2:])
    by_input, by_weight = (lambda g: plan.forward(g, b)), (lambda g: plan.backward(a, b, g, image=False)[1])
    return _with_bias(name, plan.backward(a, b)[0], bias, (x, by_input, w), (w, by_weight, x))


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
    if bias.data.dtype != value.dtype:
        raise TypeError(f"{name}: dtypes differ, input {value.dtype} and bias {bias.data.dtype}")
    value += bias.data[:, None, None]
    return record(name, value, *edges, (bias, lambda g: g.sum((0, 2, 3))))


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of signals (N, C, L) with kernels (O, C / groups, k): :func:`conv2d` with height 1."""
    if _tensor("conv1d", input).ndim != 3 or _tensor("conv1d", weight).ndim != 3:
        raise ValueError(f"conv1d: expected input (N, C, L) and weight (O, C, k), got {input.shape} and {weight.shape}")
    flat = _convolve("conv1d", unsqueeze(input, 2), unsqueeze(weight, 2), bias, stride, padding, dilation, groups, 1)
    return squeeze(flat, 2)


def conv2d_loops(input, weight, stride=1, padding=0, dilation=1):
    """:func:`conv2d` of arrays as its definition reads: six loops, for reading and for checking."""
    n, c, h, w = input.shape
    o, _, kh, kw = weight.shape
    ho, wo = (output_size(size, k, stride, padding, dilation) for size, k in ((h, kh), (w, kw)))
    output = numpy.zeros((n, o, ho, wo))
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
    c = weight.shape[1]
    pixels = xp.eye(c * math.prod(size)).reshape(-1, c, *size)
    plan = _Plan(size, weight.shape, (stride, stride), [(padding, padding)] * 2, (dilation, dilation))
    return asnumpy(plan.forward(pixels, xp.asarray(weight)).reshape(len(pixels), -1).T)
