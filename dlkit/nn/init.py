"""Initial values of parameters (``torch.nn.init``). Each function fills a tensor in place and returns it."""

import math

from .. import creation
from ..autograd import no_grad


def _fans(name, tensor):
    """Number of inputs and outputs that an element of a weight (out, in, *kernel) connects."""
    if tensor.ndim < 2:
        raise ValueError(f"{name}: needs a weight with at least 2 dimensions, got shape {tensor.shape}")
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


def calculate_gain(nonlinearity, param=None):
    """Factor that keeps the variance of signals through a non-linearity, PyTorch's recommended values."""
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}; known: {sorted(gains)}, leaky_relu")
    return gains[nonlinearity]


def _fill(tensor, values):
    with no_grad():
        return tensor.copy_(values)


def uniform_(tensor, a=0.0, b=1.0):
    """Uniform in [a, b)."""
    return _fill(tensor, creation.generator().uniform(a, b, tensor.shape))


def normal_(tensor, mean=0.0, std=1.0):
    """Normal with the given mean and standard deviation."""
    return _fill(tensor, creation.generator().normal(mean, std, tensor.shape))


def constant_(tensor, val):
    """Every element ``val``."""
    return _fill(tensor, val)


def zeros_(tensor):
    """Every element 0."""
    return _fill(tensor, 0.0)


def ones_(tensor):
    """Every element 1."""
    return _fill(tensor, 1.0)


def xavier_uniform_(tensor, gain=1.0):
    """Uniform with variance gain² · 2 / (fan_in + fan_out). Glorot and Bengio (2010), equation 16."""
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor, gain=1.0):
    """Normal with variance gain² · 2 / (fan_in + fan_out). Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))))


def _kaiming_std(name, tensor, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(name, tensor)[mode == "fan_out"])


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Uniform with variance gain² / fan. He et al. (2015), equations 10 and 14."""
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Normal with variance gain² / fan. He et al. (2015), equations 10 and 14."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))
