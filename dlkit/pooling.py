"""Pooling and resizing of images (N, C, H, W)."""

from .autograd import record
from .backend import xp
from .convolution import _image, _pair, _steps, output_size

__all__ = ["adaptive_avg_pool2d", "avg_pool2d", "interpolate", "max_pool2d"]


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
    size = tuple(max(n + 2 * p, m) for n, p, m in zip(x.shape[2:], padding, need))
    inside, padded = tuple(slice(p, p + n) for p, n in zip(padding, x.shape[2:])), x.data
    if size != x.shape[2:]:
        padded = xp.full((*x.shape[:2], *size), fill, x.data.dtype)
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
    value = padded[offsets[0]].copy("K")  # in the memory order of the input
    for offset in offsets[1:]:
        xp.maximum(value, padded[offset], out=value)

    def product(g):
        gradient = xp.zeros_like(padded)
        count = 1 + 2**16 // max(1, padded[:, :1].size)  # so few channels at a time stay in the cache
        for c in range(0, padded.shape[1], count):
            x, largest, mine, into = (a[:, c : c + count] for a in (padded, value, g, gradient))
            free = xp.ones_like(largest, bool)
            for offset in offsets:
                chosen = (x[offset] == largest) & free
                free ^= chosen
                into[offset] += mine * chosen
        return gradient[:, :, *inside]

    return record("max_pool2d", value, (input, product, input), saves_result=True)


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window of (N, C, H, W).

    Parameters are those of :func:`max_pool2d`; ``count_include_pad`` says whether padded zeros count.
    """
    padded, inside, offsets = _windows("avg_pool2d", input, kernel_size, stride, padding, ceil_mode, 0)
    counted, sides = xp.zeros(padded.shape[2:], padded.dtype), _pair("avg_pool2d", "padding", padding)
    both = tuple(slice(0, n + 2 * p) for n, p in zip(input.shape[2:], sides))  # not what ceil_mode adds beyond them
    counted[both if count_include_pad else inside] = 1
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
