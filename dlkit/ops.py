"""Every differentiable array operation: its value, and one vector-Jacobian product per input.

In each product, ``g`` is the gradient with respect to the result, an array of the result's shape. Functions
are ``torch``'s of the same name and are methods of Tensor as well.
"""

import builtins
import math
import numbers

from .autograd import Tensor, record
from .backend import DEVICES, asnumpy, check_device, errstate, xp
from .creation import get_default_dtype, tensor

__all__ = [
    "abs", "acos", "add", "allclose", "asin", "atan", "ceil", "clamp", "cos", "cosh", "div", "eq", "erf", "exp",
    "expm1", "floor", "ge", "gt", "isfinite", "isinf", "isnan", "le", "log", "log10", "log1p", "log2", "lt", "matmul",
    "maximum", "minimum", "mul", "ne", "neg", "outer", "pow", "reciprocal", "relu", "round", "rsqrt", "sigmoid",
    "sign", "sin", "sinh", "sqrt", "square", "sub", "tan", "tanh", "where",
]  # fmt: skip

# --- operands -----------------------------------------------------------------------------------------------


def _tensor(name, x):
    """``x``, if it is a Tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(x).__name__}; make one with dlkit.tensor(...)")
    return x


def _floating(name, x):
    """``x``, if it is a Tensor of floating-point numbers."""
    if _tensor(name, x).data.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating-point tensor, got {x.data.dtype}; convert it with .float()")
    return x


def _operands(name, a, b):
    """Two operands as tensors of one dtype that broadcast, by PyTorch's promotion rules."""
    if not isinstance(a, Tensor):
        a = _constant(name, a, _tensor(name, b))
    if not isinstance(b, Tensor):
        b = _constant(name, b, a)
    if a.data.dtype != b.data.dtype:
        a, b = _promote(a, b)
    if a.data.shape != b.data.shape:
        try:
            xp.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise ValueError(
                f"{name}: shapes {a.shape} and {b.shape} do not broadcast; aligned from the right, "
                "each pair of lengths must be equal or contain a 1"
            ) from None
    return a, b


def _promote(a, b):
    """Two tensors of different dtypes in the one that PyTorch computes in, where NumPy's rules give another."""
    one, other = a.data.dtype, b.data.dtype
    if one.kind == other.kind:
        if a.ndim == 0 < b.ndim:  # within a kind, a single number adopts the dtype of the tensor it meets
            return _cast(a, other), b
        return (a, _cast(b, one)) if b.ndim == 0 < a.ndim else (a, b)
    if one.kind == "f":  # integers adopt the floating-point dtype they meet; NumPy would widen float32 to float64
        return a, _cast(b, one)
    return (_cast(a, other), b) if other.kind == "f" else (a, b)


def _constant(name, value, other):
    if isinstance(value, builtins.bool | int | float):
        kind = other.data.dtype.kind
        if kind == "f" or (kind == "i" and isinstance(value, int)):
            return Tensor(xp.asarray(value, other.data.dtype))
        return Tensor(xp.asarray(value, get_default_dtype() if isinstance(value, float) else None))
    array = xp.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: cannot compute with {type(value).__name__}; expected a tensor, an array or a number")
    return Tensor(array)


def _cast(x, dtype):
    value = x.data.astype(dtype)
    return record("to", value, (x, lambda g: g)) if value.dtype.kind == "f" else Tensor(value)


def to(input, target):
    """``input`` in another dtype or on another device; itself if nothing changes.

    Parameters
    ----------
    target : dtype, 'cpu' or 'cuda'
        A process computes on one device, see :mod:`dlkit.backend`. From a GPU, 'cpu' gives a copy outside the graph;
        nothing else can be computed with it.
    """
    _tensor("to", input)
    if isinstance(target, str) and target.split(":")[0] in DEVICES:
        return cpu(input) if target == "cpu" else cuda(input)
    try:
        return input if input.data.dtype == target else _cast(input, target)
    except TypeError:
        raise TypeError(f"to: expected a dtype, 'cpu' or 'cuda', got {target!r}") from None


def cpu(input):
    """``input`` itself, or its copy from the GPU outside the graph: ``to(input, 'cpu')``."""
    if input.device == "cpu":
        return input
    host = Tensor(0)
    host.data = asnumpy(input.data)
    return host


def cuda(input):
    """``input`` on the GPU: ``to(input, 'cuda')``."""
    check_device("cuda")
    return input if input.device == "cuda" else Tensor(input.data)


# --- arithmetic -----------------------------------------------------------------------------------------------


def add(input, other):
    """input + other, with broadcasting."""
    a, b = _operands("add", input, other)
    return record("add", a.data + b.data, (a, lambda g: g), (b, lambda g: g))


def sub(input, other):
    """input - other, with broadcasting."""
    a, b = _operands("sub", input, other)
    return record("sub", a.data - b.data, (a, lambda g: g), (b, lambda g: -g))


def mul(input, other):
    """input * other element by element, with broadcasting."""
    a, b = _operands("mul", input, other)
    x, y = a.data, b.data
    return record("mul", x * y, (a, lambda g: g * y, b), (b, lambda g: g * x, a))


def div(input, other):
    """input / other element by element, with broadcasting; integers are divided as floats."""
    a, b = _operands("div", input, other)
    if a.data.dtype.kind != "f":
        a, b = _cast(a, get_default_dtype()), _cast(b, get_default_dtype())
    x, y = a.data, b.data
    with errstate(divide="ignore", invalid="ignore"):
        value = x / y
    return record(
        "div", value, (a, lambda g: _quiet_divide(g, y), b), (b, lambda g: _quiet_divide(-g * x, y * y), a, b)
    )


def neg(input):
    """-input."""
    return record("neg", -_tensor("neg", input).data, (input, lambda g: -g))


def pow(input, exponent):
    """input ** exponent element by element; the exponent may be a number or a tensor."""
    a, p = _operands("pow", input, exponent)
    x, y = a.data, p.data
    with errstate(all="ignore"):
        value = x**y

    def by_base(g):
        with errstate(all="ignore"):
            return g * xp.where(y == 0, 0, y * x ** xp.where(y == 0, 1, y - 1)).astype(g.dtype, copy=False)

    def by_exponent(g):
        with errstate(all="ignore"):
            return g * xp.where((x == 0) & (y >= 0), 0, value * xp.log(x))

    return record("pow", value, (a, by_base, a, p), (p, by_exponent, a, p))


def maximum(input, other):
    """The larger of two elements; where they are equal, each receives half of the gradient."""
    return _extremum("maximum", xp.maximum, input, other)


def minimum(input, other):
    """The smaller of two elements; where they are equal, each receives half of the gradient."""
    return _extremum("minimum", xp.minimum, input, other)


def _extremum(name, function, input, other):
    a, b = _operands(name, input, other)
    x, y = a.data, b.data
    value = function(x, y)

    def share(mine, theirs):
        return lambda g: g * xp.where(mine == theirs, 0.5, mine == value).astype(g.dtype)

    return record(name, value, (a, share(x, y), a, b), (b, share(y, x), a, b), saves_result=True)


def where(condition, input, other):
    """input where condition is true, other elsewhere."""
    mask = condition.data if isinstance(condition, Tensor) else xp.asarray(condition)
    if mask.dtype != bool:
        raise TypeError(f"where: condition must be boolean, got {mask.dtype}")
    a, b = _operands("where", input if isinstance(input, Tensor) or isinstance(other, Tensor) else tensor(input), other)
    try:
        value = xp.where(mask, a.data, b.data)
    except ValueError:
        raise ValueError(
            f"where: condition, input and other of shapes {mask.shape}, {a.shape} and {b.shape} do not broadcast"
        ) from None
    return record("where", value, (a, lambda g: g * mask), (b, lambda g: g * ~mask))


# --- elementwise functions --------------------------------------------------------------------------------------


def _unary(name, value, slope, doc, of_result=False, integers=False):
    """A function of one tensor from its value and its derivative, a function of the input or of the result."""

    def function(input):
        x = (_tensor if integers else _floating)(name, input).data
        with errstate(all="ignore"):
            y = value(x)
        known = y if of_result else x

        def product(g):
            with errstate(all="ignore"):
                return g * slope(known)

        return record(name, y, (input, product) if of_result else (input, product, input), saves_result=of_result)

    function.__name__, function.__qualname__, function.__doc__ = name, name, doc
    return function


def _sigmoid(x):
    z = xp.exp(-xp.abs(x))  # never overflows
    return xp.where(x >= 0, 1, z) / (1 + z)


exp = _unary("exp", xp.exp, lambda y: y, "e to the power of input.", of_result=True)
expm1 = _unary("expm1", xp.expm1, lambda y: y + 1, "exp(input) - 1, exact for small input, too.", of_result=True)
log = _unary("log", xp.log, lambda x: 1 / x, "Natural logarithm; -inf at 0 and nan below.")
log1p = _unary("log1p", xp.log1p, lambda x: 1 / (1 + x), "log(1 + input), exact for small input, too.")
log2 = _unary("log2", xp.log2, lambda x: 1 / (x * math.log(2)), "Logarithm to the base 2.")
log10 = _unary("log10", xp.log10, lambda x: 1 / (x * math.log(10)), "Logarithm to the base 10.")
sqrt = _unary("sqrt", xp.sqrt, lambda y: 0.5 / y, "Square root; nan for negative numbers.", of_result=True)
rsqrt = _unary("rsqrt", lambda x: 1 / xp.sqrt(x), lambda y: -0.5 * y**3, "1 / sqrt(input).", of_result=True)
reciprocal = _unary("reciprocal", lambda x: 1 / x, lambda y: -y * y, "1 / input.", of_result=True)
square = _unary("square", xp.square, lambda x: 2 * x, "input².", integers=True)
abs = _unary("abs", xp.abs, xp.sign, "Absolute value; its derivative at 0 is taken as 0.", integers=True)
sin = _unary("sin", xp.sin, xp.cos, "Sine of an angle in radians.")
cos = _unary("cos", xp.cos, lambda x: -xp.sin(x), "Cosine of an angle in radians.")
tan = _unary("tan", xp.tan, lambda y: 1 + y * y, "Tangent of an angle in radians.", of_result=True)
asin = _unary("asin", xp.arcsin, lambda x: 1 / xp.sqrt(1 - x * x), "Inverse of sin, in radians.")
acos = _unary("acos", xp.arccos, lambda x: -1 / xp.sqrt(1 - x * x), "Inverse of cos, in radians.")
atan = _unary("atan", xp.arctan, lambda x: 1 / (1 + x * x), "Inverse of tan, in radians.")
sinh = _unary("sinh", xp.sinh, xp.cosh, "Hyperbolic sine.")
cosh = _unary("cosh", xp.cosh, xp.sinh, "Hyperbolic cosine.")
tanh = _unary("tanh", xp.tanh, lambda y: 1 - y * y, "Hyperbolic tangent.", of_result=True)
sigmoid = _unary("sigmoid", _sigmoid, lambda y: y * (1 - y), "1 / (1 + exp(-input)), without overflow.", of_result=True)
relu = _unary(
    "relu", lambda x: xp.maximum(x, 0), lambda y: y > 0, "max(input, 0); its derivative at 0 is taken as 0.",
    of_result=True, integers=True,
)  # fmt: skip
sign = _unary("sign", xp.sign, xp.zeros_like, "-1, 0 or 1; the gradient is 0 everywhere.", integers=True)
floor = _unary("floor", xp.floor, xp.zeros_like, "The integer below; the gradient is 0.", integers=True)
ceil = _unary("ceil", xp.ceil, xp.zeros_like, "The integer above; the gradient is 0.", integers=True)
round = _unary("round", xp.round, xp.zeros_like, "The nearest integer, of two the even one.", integers=True)


def erf(input):
    """The error function, 2/√π times the integral of exp(-t²) from 0 to input.

    It equals 2/π times the integral of exp(-t²) sin(2 t input) / t over all t > 0, which the trapezoidal rule with
    step 1/4 gives to the last digit: the sum is the imaginary part of a polynomial in exp(i input / 2).
    """
    x = _floating("erf", input).data
    y = xp.clip(x, -6, 6)  # it is ±1 beyond, to rounding
    z = xp.exp(0.5j * y)
    total = xp.zeros_like(z)
    for n in range(24, 0, -1):
        total += math.exp(-((n / 4) ** 2)) / n
        total *= z

    def product(g):
        return g * (2 / math.sqrt(math.pi)) * xp.exp(-(xp.clip(x, -30, 30) ** 2))

    return record("erf", (y / 4 + total.imag) * (2 / math.pi), (input, product, input))


def clamp(input, min=None, max=None):
    """input limited to [min, max]; the gradient passes where input is within, ends included."""
    if min is None and max is None:
        raise ValueError("clamp: give min, max or both")
    for name, bound in (("min", min), ("max", max)):
        if not (bound is None or isinstance(bound, numbers.Real)):
            raise TypeError(f"clamp: {name} must be a number, got {bound!r}; use maximum and minimum for tensors")
    x = _tensor("clamp", input).data
    inside = (True if min is None else x >= min) & (True if max is None else x <= max)
    return record("clamp", xp.clip(x, min, max), (input, lambda g: g * inside))


def _quiet_divide(g, x):
    with errstate(divide="ignore", invalid="ignore"):
        return g / x


# --- products ---------------------------------------------------------------------------------------------------


def matmul(input, other):
    """Matrix product; (n,) vectors and stacks (..., n, m) of matrices as in ``torch.matmul``.

    Raises
    ------
    ValueError
        If the inner lengths differ or an operand is a single number.
    TypeError
        If the dtypes differ.
    """
    a, b = (x if isinstance(x, Tensor) else Tensor(x) for x in (input, other))
    inner = a.shape[-1:] == b.shape[-2:][:1]
    if a.ndim == 0 or b.ndim == 0 or not inner:
        raise ValueError(
            f"matmul: cannot multiply shapes {a.shape} and {b.shape}; the last length of the first must equal "
            "the next-to-last (or only) length of the second"
        )
    if a.data.dtype != b.data.dtype:
        raise TypeError(f"matmul: dtypes differ, {a.data.dtype} and {b.data.dtype}; convert one with .to(dtype)")
    row, column = a.ndim == 1, b.ndim == 1
    x = a.data[None, :] if row else a.data
    y = b.data[:, None] if column else b.data
    try:
        product = x @ y
    except ValueError:
        raise ValueError(f"matmul: the stacks of shapes {a.shape} and {b.shape} do not broadcast") from None
    shape = product.shape
    added = (-2,) * row + (-1,) * column  # the dimensions that only made vectors into matrices

    def by_first(g):
        part = g.reshape(shape) @ y.swapaxes(-1, -2)
        return part.sum(axis=tuple(range(part.ndim - 1))) if row else part

    def by_second(g):
        part = x.swapaxes(-1, -2) @ g.reshape(shape)
        return part.sum(axis=tuple(range(part.ndim - 2)))[:, 0] if column else part

    return record("matmul", product.squeeze(added), (a, by_first, b), (b, by_second, a))


def outer(input, vec2):
    """Product of every element of the vector input (n,) with every element of vec2 (m,): (n, m)."""
    if _tensor("outer", input).ndim != 1 or _tensor("outer", vec2).ndim != 1:
        raise ValueError(f"outer: expected two vectors, got shapes {input.shape} and {vec2.shape}")
    x, y = input.data, vec2.data
    return record("outer", xp.outer(x, y), (input, lambda g: g @ y, vec2), (vec2, lambda g: x @ g, input))


# --- comparisons: not differentiable ----------------------------------------------------------------------------


def _comparison(name, function):
    def compare(input, other):
        a, b = _operands(name, input, other)
        return Tensor(function(a.data, b.data))

    compare.__name__, compare.__doc__ = name, f"Element by element: {function.__name__.replace('_', ' ')}."
    return compare


eq, ne, lt = _comparison("eq", xp.equal), _comparison("ne", xp.not_equal), _comparison("lt", xp.less)
le, gt, ge = _comparison("le", xp.less_equal), _comparison("gt", xp.greater), _comparison("ge", xp.greater_equal)


def _test(name, function, doc):
    def test(input):
        return Tensor(function(_tensor(name, input).data))

    test.__name__, test.__qualname__, test.__doc__ = name, name, doc
    return test


isnan = _test("isnan", xp.isnan, "Whether each element is not a number.")
isinf = _test("isinf", xp.isinf, "Whether each element is infinite.")
isfinite = _test("isfinite", xp.isfinite, "Whether each element is neither infinite nor nan.")


def allclose(input, other, rtol=1e-5, atol=1e-8):
    """Whether all elements agree within atol + rtol · abs(other)."""
    return builtins.bool(xp.allclose(input.data, other.data, rtol, atol))
