"""Initial values of parameters (``torch.nn.init``). Each function fills a tensor in place and returns it."""

import math

import numpy

from .. import creation
from ..autograd import no_grad

__all__ = [
    "calculate_gain", "constant_", "eye_", "kaiming_normal_", "kaiming_uniform_", "lecun_normal_", "lecun_uniform_",
    "normal_", "ones_", "orthogonal_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip


def _fans(name, tensor):
    """Number of inputs and outputs that an element of a weight (out, in, *kernel) connects."""
    if tensor.ndim < 2:
        raise ValueError(f"{name}: needs a weight with at least 2 dimensions, got shape {tensor.shape}")
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


_GAINS = {"tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75} | dict.fromkeys(
    ["linear", "sigmoid", *(f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3))], 1.0
)


def calculate_gain(nonlinearity, param=None):
    """Factor that keeps the variance of signals through a non-linearity, PyTorch's recommended values."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}; known: {sorted(_GAINS)}, leaky_relu")
    return _GAINS[nonlinearity]


def _fill(tensor, values):
    with no_grad():
        return tensor.copy_(values)


def uniform_(tensor, a=0.0, b=1.0):
    """Uniform in [a, b)."""
    return _fill(tensor, creation.generator().uniform(a, b, tensor.shape))


def _uniform(tensor, std):
    return uniform_(tensor, -math.sqrt(3) * std, math.sqrt(3) * std)


def normal_(tensor, mean=0.0, std=1.0):
    """Normal with the given mean and standard deviation."""
    return _fill(tensor, creation.generator().normal(mean, std, tensor.shape))


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0):
    """Normal with the given mean and standard deviation before values outside [a, b] are drawn anew.

    Raises
    ------
    ValueError
        If fewer than one value in a hundred would lie in [a, b].
    """
    below, above = (math.erf((end - mean) / std / math.sqrt(2)) / 2 for end in (a, b))
    if not above - below >= 0.01:
        raise ValueError(f"trunc_normal_: [{a}, {b}] holds too little of a normal with mean {mean} and std {std}")
    values = creation.generator().normal(mean, std, tensor.shape)
    while (outside := (values < a) | (values > b)).any():
        values = numpy.where(outside, creation.generator().normal(mean, std, tensor.shape), values)
    return _fill(tensor, values)


def constant_(tensor, val):
    """Every element ``val``."""
    return _fill(tensor, val)


def zeros_(tensor):
    """Every element 0."""
    return _fill(tensor, 0.0)


def ones_(tensor):
    """Every element 1."""
    return _fill(tensor, 1.0)


def eye_(tensor):
    """The identity: 1 on the diagonal of a matrix, 0 elsewhere."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: needs a matrix, got shape {tensor.shape}")
    return _fill(tensor, numpy.eye(*tensor.shape))


def orthogonal_(tensor, gain=1.0):
    """``gain`` times a random matrix (out, in · kernel) with orthonormal rows or, if it is taller, columns.

    Saxe, McClelland and Ganguli (2014); uniform among these matrices by Mezzadri (2007).
    """
    columns, rows = _fans("orthogonal_", tensor)[0], tensor.shape[0]
    q, r = numpy.linalg.qr(creation.generator().normal(size=(max(rows, columns), min(rows, columns))))
    q = gain * q * numpy.sign(numpy.diagonal(r))
    return _fill(tensor, (q if rows >= columns else q.T).reshape(tensor.shape))


def xavier_uniform_(tensor, gain=1.0):
    """Uniform with variance gain² · 2 / (fan_in + fan_out). Glorot and Bengio (2010), equation 16."""
    return _uniform(tensor, gain * math.sqrt(2 / sum(_fans("xavier_uniform_", tensor))))


def xavier_normal_(tensor, gain=1.0):
    """Normal with variance gain² · 2 / (fan_in + fan_out). Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))))


def lecun_uniform_(tensor):
    """Uniform with variance 1 / fan_in. LeCun et al. (1998), section 4.6."""
    return _uniform(tensor, math.sqrt(1 / _fans("lecun_uniform_", tensor)[0]))


def lecun_normal_(tensor):
    """Normal with variance 1 / fan_in, what SELU needs. LeCun et al. (1998); Klambauer et al. (2017)."""
    return normal_(tensor, 0.0, math.sqrt(1 / _fans("lecun_normal_", tensor)[0]))


def _kaiming_std(name, tensor, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(name, tensor)[mode == "fan_out"])


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Uniform with variance gain² / fan. He et al. (2015), equations 10 and 14."""
    return _uniform(tensor, _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity))


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Normal with variance gain² / fan. He et al. (2015), equations 10 and 14."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))
