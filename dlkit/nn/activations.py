"""Activations: non-linear functions of each element, or of the elements along a dimension, and their modules."""

import inspect
import math
import numbers

from .. import creation
from ..autograd import Tensor, record
from ..backend import xp
from ..ops import _floating, _tensor, clamp, erf, expm1, relu, sigmoid, tanh, where
from ..shape_ops import _axes
from .module import Module, Parameter


def _positive(name, argument, value):
    """``value`` as a Python number, if it is positive."""
    if not isinstance(value, numbers.Real) or not value > 0:
        raise ValueError(f"{name}: {argument} must be positive, got {value!r}")
    return float(value)


# --- relu and its relatives ---------------------------------------------------------------------------------------


def leaky_relu(input, negative_slope=0.01):
    """input where it is positive, negative_slope * input elsewhere. Maas, Hannun and Ng (2013)."""
    slope = xp.where(_floating("leaky_relu", input).data > 0, 1.0, negative_slope).astype(input.data.dtype)
    return record("leaky_relu", input.data * slope, (input, lambda g: g * slope))


def prelu(input, weight):
    """max(input, 0) + weight * min(input, 0): a leaky relu whose slope is learned. He et al. (2015), equation 1.

    Parameters
    ----------
    input : Tensor (N, C, ...), or of any shape for a single slope
    weight : Tensor (1,) or (C,)
        One slope for all, or one for each channel.

    Raises
    ------
    ValueError
        If weight has neither 1 nor C elements.
    """
    channels = input.shape[1] if _floating("prelu", input).ndim > 1 else 1
    if _tensor("prelu", weight).ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(f"prelu: weight has shape {weight.shape}, expected (1,) or ({channels},), one slope a channel")
    slope = weight.reshape((-1,) + (1,) * (input.ndim - 2)) if input.ndim else weight.reshape(())
    return where(input > 0, input, slope * input)


def hardtanh(input, min_val=-1.0, max_val=1.0):
    """input limited to [min_val, max_val]; the derivative is 1 strictly within, 0 elsewhere."""
    if not min_val < max_val:
        raise ValueError(f"hardtanh: min_val must be below max_val, got {min_val} and {max_val}")
    x = _floating("hardtanh", input).data
    value = xp.clip(x, min_val, max_val)
    return record("hardtanh", value, (input, lambda g: g * ((x > min_val) & (x < max_val)), input))


def relu6(input):
    """min(max(input, 0), 6). Krizhevsky (2010)."""
    return hardtanh(_floating("relu6", input), 0.0, 6.0)


def hardsigmoid(input):
    """(input + 3) / 6 limited to [0, 1]: a sigmoid of straight lines."""
    return hardtanh(_floating("hardsigmoid", input) / 6 + 0.5, 0.0, 1.0)


def hardswish(input):
    """input * hardsigmoid(input). Howard et al. (2019), section 5.2."""
    return _floating("hardswish", input) * hardsigmoid(input)


# --- exponential units --------------------------------------------------------------------------------------------


def _exponential_unit(name, input, scale, alpha, width):
    below = clamp(_floating(name, input), max=0.0)
    return scale * where(input > 0, input, alpha * expm1(below / width))


def elu(input, alpha=1.0):
    """input where it is positive, alpha * (exp(input) - 1) elsewhere. Clevert et al. (2016), equation 15.

    Only alpha = 1 makes it smooth: the slope at 0 is alpha from the left and 1 from the right.
    """
    return _exponential_unit("elu", input, 1.0, alpha, 1.0)


def celu(input, alpha=1.0):
    """input where it is positive, alpha * (exp(input / alpha) - 1) elsewhere: smooth for every alpha > 0.

    Barron (2017).
    """
    alpha = _positive("celu", "alpha", alpha)
    return _exponential_unit("celu", input, 1.0, alpha, alpha)


def selu(input):
    """1.0507 * elu(input, 1.6733). Klambauer et al. (2017), equation 2.

    The two constants keep mean 0 and variance 1 from layer to layer if weights have mean 0 and variance 1 / fan_in
    (:func:`dlkit.nn.init.lecun_normal_`), not otherwise.
    """
    return _exponential_unit("selu", input, 1.0507009873554805, 1.6732632423543772, 1.0)


# --- smooth relatives of relu -------------------------------------------------------------------------------------


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + exp(beta * input)) / beta, without overflow: a smooth relu.

    As in PyTorch it is input itself where beta * input > threshold. ``beta`` must be positive.
    """
    beta, x = _positive("softplus", "beta", beta), _floating("softplus", input).data
    z = beta * x
    value = xp.where(z > threshold, z, xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z))))
    return record("softplus", value / beta, (input, lambda g: g * xp.exp(z - value), input))


def logsigmoid(input):
    """log(sigmoid(input)), without overflow and without losing small probabilities."""
    return -softplus(-_floating("logsigmoid", input), threshold=math.inf)


def swish(input, beta=1.0):
    """input * sigmoid(beta * input), from input / 2 for beta = 0 to relu for large beta. Ramachandran et al. (2017).

    ``beta`` is a number or a Tensor; the module learns a beta that it is given as a Parameter.
    """
    return _floating("swish", input) * sigmoid(input * beta)


def silu(input):
    """input * sigmoid(input), also known as swish with beta = 1. Elfwing et al. (2018)."""
    return _floating("silu", input) * sigmoid(input)


def mish(input):
    """input * tanh(softplus(input)). Misra (2020)."""
    return _floating("mish", input) * tanh(softplus(input))


def softsign(input):
    """input / (1 + abs(input))."""
    x = _floating("softsign", input).data
    scale = 1 / (1 + xp.abs(x))
    return record("softsign", x * scale, (input, lambda g: g * scale * scale, input))


def gelu(input, approximate="none"):
    """input * Φ(input), where Φ is the distribution function of N(0, 1). Hendrycks and Gimpel (2016).

    Parameters
    ----------
    input : Tensor
    approximate : 'none' or 'tanh'
        Φ(x) as it is, or as (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.
    """
    half = _floating("gelu", input) * 0.5
    if approximate == "none":
        return half * (1 + erf(input * math.sqrt(0.5)))
    if approximate == "tanh":
        return half * (1 + tanh(math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)))
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")


# --- along a dimension --------------------------------------------------------------------------------------------


def _shifted(name, input, dim):
    """Elements minus the largest along ``dim``, so that exp does not overflow, and ``dim`` as the arrays' options."""
    along = {"axis": _axes(name, _floating(name, input), dim), "keepdims": True}
    return input.data - (input.data.max(**along) if input.data.size else 0), along


def softmax(input, dim):
    """exp(input) divided by its sum over ``dim``: positive and adding up to 1."""
    shifted, along = _shifted("softmax", input, dim)
    e = xp.exp(shifted)
    y = e / e.sum(**along)
    return record("softmax", y, (input, lambda g: y * (g - (g * y).sum(**along))), saves_result=True)


def log_softmax(input, dim):
    """Logarithm of :func:`softmax`, without overflow and without losing small probabilities."""
    shifted, along = _shifted("log_softmax", input, dim)
    y = shifted - xp.log(xp.exp(shifted).sum(**along))
    return record("log_softmax", y, (input, lambda g: g - xp.exp(y) * g.sum(**along)), saves_result=True)


# --- modules ------------------------------------------------------------------------------------------------------


class _Function(Module):
    """A function as a module: what follows the function's inputs are the arguments of the constructor."""

    def __init__(self, *args, **options):
        super().__init__()
        try:
            bound = self.__signature__.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            (self.register_buffer if type(value) is Tensor else self.__setattr__)(name, value)

    def forward(self, *inputs, **named):
        options = {name: getattr(self, name) for name in self.__signature__.parameters}
        return type(self).function(*inputs, **named, **options)

    @classmethod
    def of(cls, **functions):
        """Pairs of a name and a module class, for functions given by these names."""
        for name, function in functions.items():
            signature, doc = inspect.signature(function), inspect.cleandoc(function.__doc__)
            options = [p for p in signature.parameters.values() if p.name not in ("input", "target", "var")]
            summary, _, rest = doc.partition("\n\n")
            doc = f"{summary}\n\nThe module of :func:`dlkit.nn.functional.{function.__name__}`.\n\n{rest}".rstrip()
            members = {"__doc__": doc, "__module__": cls.__module__, "function": function}
            yield name, type(name, (cls,), members | {"__signature__": signature.replace(parameters=options)})


class _Activation(_Function):
    def extra_repr(self):
        values = ((name, getattr(self, name)) for name in self.__signature__.parameters)
        return ", ".join(f"{name}={value!r}" for name, value in values if not isinstance(value, Tensor))


globals().update(_Activation.of(
    CELU=celu, ELU=elu, GELU=gelu, Hardsigmoid=hardsigmoid, Hardswish=hardswish, Hardtanh=hardtanh,
    LeakyReLU=leaky_relu, LogSigmoid=logsigmoid, LogSoftmax=log_softmax, Mish=mish, ReLU=relu, ReLU6=relu6, SELU=selu,
    SiLU=silu, Sigmoid=sigmoid, Softmax=softmax, Softplus=softplus, Softsign=softsign, Swish=swish, Tanh=tanh,
))  # fmt: skip


class PReLU(Module):
    """A leaky ReLU that learns its negative slope, or one slope for each of num_parameters channels (dimension 1).

    The weight (num_parameters,) starts at ``init``; see :func:`dlkit.nn.functional.prelu`.
    """

    def __init__(self, num_parameters=1, init=0.25, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(creation.full((num_parameters,), init, dtype=dtype))

    def forward(self, input):
        return prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"
