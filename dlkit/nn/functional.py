"""Layers and losses as functions of tensors (``torch.nn.functional``)."""

from .. import creation
from ..autograd import Tensor, record
from ..backend import xp
from ..convolution import (
    adaptive_avg_pool2d,
    avg_pool2d,
    conv1d,
    conv2d,
    conv_transpose2d,
    interpolate,
    max_pool2d,
)  # fmt: skip
from ..ops import _floating, _tensor, relu, sigmoid, tanh
from ..shape_ops import _axes, mean, sum

__all__ = [
    "adaptive_avg_pool2d", "avg_pool2d", "binary_cross_entropy", "binary_cross_entropy_with_logits", "conv1d", "conv2d",
    "conv_transpose2d", "cross_entropy", "dropout", "interpolate", "leaky_relu", "linear", "log_softmax", "max_pool2d",
    "mse_loss", "nll_loss", "one_hot", "relu", "sigmoid", "softmax", "softplus", "tanh",
]  # fmt: skip

# --- layers -------------------------------------------------------------------------------------------------------


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
    output = input @ weight.T
    return output if bias is None else output + bias


def leaky_relu(input, negative_slope=0.01):
    """input where it is positive, negative_slope * input elsewhere."""
    slope = xp.where(_tensor("leaky_relu", input).data > 0, 1.0, negative_slope).astype(input.data.dtype)
    return record("leaky_relu", input.data * slope, (input, lambda g: g * slope))


def softplus(input):
    """log(1 + exp(input)), without overflow: a smooth relu."""
    x = _floating("softplus", input).data
    value = xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))
    return record("softplus", value, (input, lambda g: g * xp.exp(x - value), input))


def softmax(input, dim):
    """exp(input) divided by its sum over ``dim``: positive and adding up to 1."""
    axes, x = _axes("softmax", _floating("softmax", input), dim), input.data
    e = xp.exp(x - x.max(axis=axes, keepdims=True, initial=-xp.inf))
    y = e / e.sum(axis=axes, keepdims=True)
    return record("softmax", y, (input, lambda g: y * (g - (g * y).sum(axis=axes, keepdims=True))), saves_result=True)


def log_softmax(input, dim):
    """Logarithm of :func:`softmax`, without overflow and without losing small probabilities."""
    axes, x = _axes("log_softmax", _floating("log_softmax", input), dim), input.data
    shifted = x - x.max(axis=axes, keepdims=True, initial=-xp.inf)
    y = shifted - xp.log(xp.exp(shifted).sum(axis=axes, keepdims=True))
    return record(
        "log_softmax", y, (input, lambda g: g - xp.exp(y) * g.sum(axis=axes, keepdims=True)), saves_result=True
    )


def dropout(input, p=0.5, training=True):
    """In training, zero each element with probability p and divide the others by 1 - p."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be a probability between 0 and 1, got {p}")
    if not training or p == 0:
        return _tensor("dropout", input)
    keep = creation.generator().random(_tensor("dropout", input).shape) >= p
    scale = (keep / (1 - p) if p < 1 else keep).astype(input.data.dtype)
    return record("dropout", input.data * scale, (input, lambda g: g * scale))


def one_hot(tensor, num_classes=-1):
    """Integer classes (...) as int64 vectors (..., num_classes) with a single 1."""
    labels = _tensor("one_hot", tensor).data
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: expected integer classes, got {labels.dtype}")
    count = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if labels.size and not 0 <= labels.min() <= labels.max() < count:
        raise ValueError(f"one_hot: classes must lie in 0..{count - 1}, found {labels.min()}..{labels.max()}")
    return Tensor(xp.eye(count, dtype=xp.int64)[labels])


# --- losses -------------------------------------------------------------------------------------------------------


def _reduce(name, loss, reduction):
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _same_shape(name, input, target):
    if _tensor(name, input).shape != _tensor(name, target).shape:
        raise ValueError(f"{name}: input has shape {input.shape} but target has shape {target.shape}")


def mse_loss(input, target, reduction="mean"):
    """Squared differences of input and target, of one shape (``torch`` would broadcast, with a warning)."""
    _same_shape("mse_loss", input, target)
    difference = input - target
    return _reduce("mse_loss", difference * difference, reduction)


def binary_cross_entropy(input, target, reduction="mean"):
    """-(t log p + (1 - t) log(1 - p)) for probabilities p = input in [0, 1] and targets t of the same shape.

    As in PyTorch the logarithms are limited to at least -100, so that p = 0 or 1 gives no infinity.
    """
    _same_shape("binary_cross_entropy", input, target)
    p = input.data
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(f"binary_cross_entropy: input must lie in [0, 1], found {p.min():g} to {p.max():g}")
    t = target.data
    with xp.errstate(divide="ignore"):
        value = -(t * xp.maximum(xp.log(p), -100) + (1 - t) * xp.maximum(xp.log1p(-p), -100))

    def by_target(g):
        with xp.errstate(divide="ignore"):
            return g * (xp.log1p(-p) - xp.log(p))

    by_input = (input, lambda g: g * (p - t) / xp.maximum(p * (1 - p), 1e-12), input, target)
    loss = record("binary_cross_entropy", value, by_input, (target, by_target, input))
    return _reduce("binary_cross_entropy", loss, reduction)


def binary_cross_entropy_with_logits(input, target, reduction="mean"):
    """:func:`binary_cross_entropy` of sigmoid(input), computed without overflow."""
    _same_shape("binary_cross_entropy_with_logits", input, target)
    return _reduce("binary_cross_entropy_with_logits", softplus(input) - target * input, reduction)


def nll_loss(input, target, reduction="mean"):
    """Minus the log-probability of the target class.

    Parameters
    ----------
    input : Tensor (N, C)
        Log-probabilities.
    target : Tensor (N,)
        Integer classes in 0..C-1.
    """
    _check_classes("nll_loss", input, target)
    labels, shape = target.data, input.shape
    rows = xp.arange(len(labels))

    def product(g):
        full = xp.zeros(shape, g.dtype)
        full[rows, labels] = -g
        return full

    return _reduce("nll_loss", record("nll_loss", -input.data[rows, labels], (input, product)), reduction)


def _check_classes(name, input, target):
    if _tensor(name, input).ndim != 2 or _tensor(name, target).shape != input.shape[:1]:
        raise ValueError(f"{name}: expected input (N, C) and target (N,), got {input.shape} and {target.shape}")
    if target.data.dtype.kind not in "iu":
        raise TypeError(f"{name}: target must hold integer classes, got {target.data.dtype}")
    if target.data.size and not 0 <= target.data.min() <= target.data.max() < input.shape[1]:
        raise ValueError(
            f"{name}: target must lie in 0..{input.shape[1] - 1}, found {target.data.min()}..{target.data.max()}"
        )


def cross_entropy(input, target, reduction="mean"):
    """Minus the log-probability that softmax(input) gives the target.

    Parameters
    ----------
    input : Tensor (N, C)
        Scores before softmax (logits).
    target : Tensor (N,) of integer classes in 0..C-1, or (N, C) of probabilities
    reduction : 'mean' (over the N samples), 'sum' or 'none'

    Raises
    ------
    ValueError
        If the shapes do not fit or a class is out of range.
    TypeError
        If classes are not integers.
    """
    if (
        _tensor("cross_entropy", target).shape == _tensor("cross_entropy", input).shape
        and target.data.dtype.kind == "f"
    ):
        loss = -sum(target * log_softmax(input, 1), 1)
        return _reduce("cross_entropy", loss, reduction)
    _check_classes("cross_entropy", input, target)
    return _reduce("cross_entropy", nll_loss(log_softmax(input, 1), target, "none"), reduction)
