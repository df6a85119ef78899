"""Normalisation: values of mean 0 and variance 1 in each channel of a batch, or in each sample."""

import math

from .. import creation
from ..autograd import record
from ..backend import errstate, xp
from ..ops import _floating, _tensor
from .module import Module, Parameter


def _sum(x, axes):
    """Sum with the dimensions kept: NumPy adds pairwise along the last one, and what that gives is added in float64."""
    x = x.sum(axis=-1, keepdims=True) if x.ndim - 1 in axes else x
    return x.sum(axis=axes, dtype=xp.float64, keepdims=True)


def _normalize(input, shape, axes, weight, bias, size, eps, statistics=None):
    """Input in ``shape``, of mean 0 and variance 1 over ``axes``, times weight plus bias, both in the shape ``size``.

    Given ``statistics`` (mean, variance) stand in for those of the input. Returns the result, mean and variance.
    """
    x, dtype, count = input.data.reshape(shape), input.data.dtype, max(math.prod(shape[a] for a in axes), 1)
    free = tuple(a for a, n in enumerate(size) if n == 1)  # along these, weight and bias are constant
    w, b = (start if t is None else t.data.reshape(size) for t, start in ((weight, 1), (bias, 0)))
    with errstate(all="ignore"):
        mean, var = (_sum(x, axes) / count, None) if statistics is None else statistics
        y = x - mean.astype(dtype)
        if statistics is None:
            y -= (_sum(y, axes) / count).astype(dtype)  # what float32 missed of a mean that is far from 0
            var = _sum(y * y, axes) / count
        scale = (1 / xp.sqrt(var + eps)).astype(dtype)
        y *= scale
        value = y * w
        value += b

    def by_input(g):
        result = g.reshape(shape) * w
        if statistics is None:  # mean and variance depend on the input, too
            plain, along = ((_sum(s, axes) / count).astype(dtype) for s in (result, result * y))
            result -= y * along
            result -= plain
        result *= scale
        return result.reshape(input.shape)

    def sum_of(product, tensor):
        return tensor, lambda g: _sum(product(g.reshape(shape)), free).reshape(tensor.shape)

    edges = [(input, by_input, *(t for t in [weight] if t is not None))]
    edges += [sum_of(f, t) for f, t in ((lambda g: g * y, weight), (lambda g: g, bias)) if t is not None]
    return record("normalize", value.reshape(input.shape), *edges), mean, var


def _check(name, input, shape, **tensors):
    for argument, tensor in tensors.items():
        if tensor is not None and _tensor(name, tensor).shape != shape:
            raise ValueError(f"{name}: {argument} has shape {tensor.shape}, expected {shape} for input {input.shape}")
        if tensor is not None and tensor.dtype != input.dtype:
            raise TypeError(f"{name}: dtypes differ, input {input.data.dtype} and {argument} {tensor.data.dtype}")


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """(input - mean) / sqrt(variance + eps) · weight + bias, with mean and variance of each channel.

    In training they are the batch's, over all dimensions but the second, and the running ones move towards them:
    running · (1 - momentum) + batch · momentum, with the variance divided by count - 1. Otherwise the running ones
    are used.

    Parameters
    ----------
    input : Tensor (N, C, ...)
    running_mean, running_var : Tensor (C,) or None
        Changed in place in training; None: not kept.
    weight, bias : Tensor (C,), optional
    training : bool
    momentum : float
    eps : float

    Raises
    ------
    ValueError
        If shapes do not fit; in training, if a channel has only one value; else, if there are no running statistics.
    TypeError
        If the dtypes differ.

    Source: Ioffe and Szegedy (2015), algorithm 1.
    """
    if _floating("batch_norm", input).ndim < 2:
        raise ValueError(f"batch_norm: expected input (N, C, ...), got shape {input.shape}")
    (n, c, *rest), running = input.shape, {"running_mean": running_mean, "running_var": running_var}
    _check("batch_norm", input, (c,), **running, weight=weight, bias=bias)
    if (running_mean is None) != (running_var is None) or not training and running_mean is None:
        raise ValueError("batch_norm: give both running_mean and running_var, or (in training only) neither")
    count = n * math.prod(rest)
    if training and count == 1:
        raise ValueError(f"batch_norm: training needs more than one value per channel, got input {input.shape}")
    given = None if training else [t.data.reshape(1, c, 1) for t in running.values()]
    output, *found = _normalize(input, (n, c, math.prod(rest)), (0, 2), weight, bias, (1, c, 1), eps, given)
    if training and running_mean is not None and count:
        for kept, value in zip(running.values(), (found[0], found[1] * count / (count - 1))):
            kept.data[...] = (1 - momentum) * kept.data + momentum * value.reshape(c)
            kept._version[0] += 1
    return output


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Every sample's values over the last dimensions, of mean 0 and variance 1, times weight plus bias.

    Parameters
    ----------
    input : Tensor (..., normalized_shape)
    normalized_shape : sequence of int
    weight, bias : Tensor (normalized_shape), optional
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        If shapes do not fit.
    TypeError
        If the dtypes differ.

    Source: Ba, Kiros and Hinton (2016), equation 4.
    """
    inner = tuple(normalized_shape)
    if not inner or _floating("layer_norm", input).shape[-len(inner) :] != inner:
        raise ValueError(f"layer_norm: normalized_shape {inner} must be the last lengths of input {input.shape}")
    _check("layer_norm", input, inner, weight=weight, bias=bias)
    shape = math.prod(input.shape[: -len(inner)]), math.prod(inner)
    return _normalize(input, shape, (1,), weight, bias, (1, shape[1]), eps)[0]


class _Norm(Module):
    """What the modules share: eps, and weight and bias, which start as 1 and 0."""

    def __init__(self, shape, eps, weight, bias, dtype):
        super().__init__()
        if not all(isinstance(n, int) and n > 0 for n in shape):
            raise ValueError(f"{type(self).__name__}: lengths must be positive integers, got {shape}")
        self.eps = eps
        self.weight = Parameter(creation.ones(*shape, dtype=dtype)) if weight else None
        self.bias = Parameter(creation.zeros(*shape, dtype=dtype)) if weight and bias else None

    def extra_repr(self):
        shown = {**vars(self), "bias": self.bias is not None}
        return f"{shown[self.shown[0]]}, " + ", ".join(f"{name}={shown[name]}" for name in self.shown[1:])


class BatchNorm1d(_Norm):
    """:func:`batch_norm` of (N, C) or (N, C, L) (``torch.nn.BatchNorm1d``).

    Parameters
    ----------
    num_features : int
        C.
    eps : float
    momentum : float or None
        None: running statistics are plain averages over all batches so far.
    affine, bias : bool
        Whether to multiply by a weight and add a bias, both (C,).
    track_running_stats : bool
        If False, evaluation uses the batch's statistics, too.
    """

    shown, dims = ("num_features", "eps", "momentum", "affine", "bias", "track_running_stats"), {2: "C", 3: "C, L"}

    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, dtype=None, bias=True
    ):
        super().__init__((num_features,), eps, affine, bias, dtype)
        self.num_features, self.momentum = num_features, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        starts = creation.zeros(num_features, dtype=dtype), creation.ones(num_features, dtype=dtype), creation.tensor(0)
        for name, start in zip(("running_mean", "running_var", "num_batches_tracked"), starts):
            self.register_buffer(name, start if track_running_stats else None)

    def forward(self, input):
        if _tensor(type(self).__name__, input).ndim not in self.dims:
            expected = " or ".join(f"(N, {rest})" for rest in self.dims.values())
            raise ValueError(f"{type(self).__name__}: expected input {expected}, got shape {input.shape}")
        batch, momentum = self.training or not self.track_running_stats, self.momentum
        if momentum is None and self.track_running_stats:
            momentum = 1 / (self.num_batches_tracked.item() + 1)
        kept, parameters = (self.running_mean, self.running_var), (self.weight, self.bias)
        output = batch_norm(input, *kept, *parameters, batch, momentum, self.eps)
        if batch and self.track_running_stats:
            self.num_batches_tracked.data += 1
        return output


class BatchNorm2d(BatchNorm1d):
    """:func:`batch_norm` of images (N, C, H, W) (``torch.nn.BatchNorm2d``); parameters as :class:`BatchNorm1d`."""

    dims = {4: "C, H, W"}


class LayerNorm(_Norm):
    """:func:`layer_norm` with a learned weight and bias of normalized_shape, an int or several."""

    shown = "normalized_shape", "eps", "elementwise_affine", "bias"

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, dtype=None):
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        super().__init__(shape, eps, elementwise_affine, bias, dtype)
        self.normalized_shape, self.elementwise_affine = shape, elementwise_affine

    def forward(self, input):
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)
