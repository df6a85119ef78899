"""Layers: linear, dropout and those that only reshape, as functions of tensors and as modules."""

import math

from .. import creation
from ..autograd import Tensor, record
from ..backend import xp
from ..ops import _tensor
from . import init
from .module import Module, Parameter


def _empty(*shape, dtype=None):
    return Tensor(xp.empty(shape, dtype or creation.get_default_dtype()))


def linear(input, weight, bias=None):
    """input @ weight.T + bias.

    Parameters
    ----------
    input : Tensor (..., in_features)
    weight : Tensor (out_features, in_features)
    bias : Tensor (out_features,), optional

    Returns
    -------
    Tensor (..., out_features)

    Raises
    ------
    ValueError
        If the last length of input is not in_features.
    """
    if _tensor("linear", input).ndim == 0 or input.shape[-1] != weight.shape[-1]:
        raise ValueError(f"linear: input has shape {input.shape}, expected its last length to be {weight.shape[-1]}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: bias has shape {bias.shape}, expected {weight.shape[:1]}")
    for name, other in (("weight", weight), ("bias", bias)):
        if other is not None and other.data.dtype != input.data.dtype:
            raise TypeError(f"linear: dtypes differ, input {input.data.dtype} and {name} {other.data.dtype}")
    x, w = input.data, weight.data
    value = x @ w.T

    def by_weight(g):
        return g.reshape(-1, len(w)).T @ x.reshape(-1, x.shape[-1])

    edges = [(input, lambda g: g @ w, weight), (weight, by_weight, input)]
    if bias is not None:
        value += bias.data
        edges.append((bias, lambda g: g))  # summed over the samples by the engine
    return record("linear", value, *edges)


class Linear(Module):
    """input @ weight.T + bias (``torch.nn.Linear``).

    Weight and bias start uniform in ±1/sqrt(in_features), as in PyTorch.

    Parameters
    ----------
    in_features, out_features : int, positive
    bias : bool
    dtype : dtype, optional

    Shape
    -----
    (..., in_features) to (..., out_features); weight (out_features, in_features), bias (out_features,)
    """

    def __init__(self, in_features, out_features, bias=True, dtype=None):
        super().__init__()
        for name, value in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Linear: {name} must be a positive integer, got {value!r}")
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(_empty(out_features, in_features, dtype=dtype))
        self.bias = Parameter(_empty(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the same as ±1/sqrt(in_features)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """The input, unchanged."""

    def forward(self, input):
        return input


class Flatten(Module):
    """Dimensions start_dim to end_dim merged: (N, C, H, W) to (N, C·H·W) by default."""

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input):
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


def one_hot(tensor, num_classes=-1):
    """Integer classes (...) as int64 vectors (..., num_classes) with a single 1."""
    labels = _tensor("one_hot", tensor).data
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: expected integer classes, got {labels.dtype}")
    count = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if labels.size and not 0 <= labels.min() <= labels.max() < count:
        raise ValueError(f"one_hot: classes must lie in 0..{count - 1}, found {labels.min()}..{labels.max()}")
    return Tensor(xp.eye(count, dtype=xp.int64)[labels])


def dropout(input, p=0.5, training=True):
    """In training, zero each element with probability p and divide the others by 1 - p."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be a probability between 0 and 1, got {p}")
    if not training or p == 0:
        return _tensor("dropout", input)
    keep = xp.asarray(creation.generator().random(_tensor("dropout", input).shape) >= p)
    scale = (keep / (1 - p) if p < 1 else keep).astype(input.data.dtype)
    return record("dropout", input.data * scale, (input, lambda g: g * scale))


class Dropout(Module):
    """In training, zeroes each element with probability p and divides the others by 1 - p."""

    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be a probability between 0 and 1, got {p}")
        self.p = p

    def forward(self, input):
        return dropout(input, self.p, self.training)

    def extra_repr(self):
        return f"p={self.p}"
