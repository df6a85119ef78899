"""Every operation against PyTorch: the table of cases, and the one function that runs a case.

    python -m tests.dlkit.parity

lists each operation with its cases and the worst relative errors of value and gradient. A case is an
expression that means the same in both libraries: it is called with ``t``, which is dlkit or torch, and with
tensors of that library.
"""

import dataclasses
import inspect
import math
import sys
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import torch

import dlkit
from dlkit import convolution, ops, pooling, shape_ops
from dlkit.checks import gradcheck
from dlkit.nn import functional

from .convolution_cases import CONVOLUTION_TABLE

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
NOT_DIFFERENTIABLE = {
    "ops.allclose",
    "shape_ops.argmax",
    "shape_ops.argmin",
    "functional.one_hot",
    "functional.class_balanced_weights",
} | {f"ops.{name}" for name in ("eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite")}


@dataclasses.dataclass(frozen=True)
class Case:
    operation: str  # module and name, such as "ops.add"
    label: str
    function: Callable
    inputs: tuple  # shapes, or arrays
    smooth: bool  # whether finite differences mean anything at these inputs

    @property
    def id(self):
        return f"{self.operation}[{self.label}]"

    def arrays(self, dtype):
        """The inputs as arrays; a shape stands for normal random numbers, the same in every run."""
        rng = np.random.default_rng(zlib.crc32(self.id.encode()))
        arrays = [rng.normal(size=x) if isinstance(x, tuple) else x for x in self.inputs]
        return [a.astype(dtype, order="K") if a.dtype.kind == "f" and a.dtype != dtype else a for a in arrays]


@dataclasses.dataclass
class Result:
    value: float  # relative error of the value
    gradient: float  # worst relative error over the inputs


# --- kinds of inputs ----------------------------------------------------------------------------------------------


def positive(*shape):
    return np.asarray(0.3 + np.random.default_rng(1).random(shape))


def strided(*shape):
    """Not contiguous: every second column of a transposed array."""
    doubled = (2 * shape[-1], *shape[:-1])
    return np.moveaxis(np.random.default_rng(len(shape)).normal(size=doubled), 0, -1)[..., ::2]


def array(*values):
    return np.array(values if len(values) > 1 else values[0])


KINK = array(-1.5, -0.0, 0.0, 2.0)
TIES = array([1.0, 3.0, 3.0], [2.0, 2.0, 2.0])
HUGE = array([-1e3, -50.0, 0.5], [0.0, 800.0, 1e3])
CLASSES = array(2, 0, 2, 1)
PROBABILITIES = array([0.2, 0.3, 0.5], [1.0, 0.0, 0.0])

# --- the table ----------------------------------------------------------------------------------------------------
# operation: (label, expression, inputs ...).
# "kink" as the last word: no finite differences, there is a kink or nothing to differentiate.

PAIRS = [
    ("same shape", (2, 3), (2, 3)),
    ("row", (2, 3), (3,)),
    ("column and row", (2, 1), (1, 3)),
    ("stack", (2, 1, 3), (4, 1)),
    ("number", (2, 3), ()),
    ("two numbers", (), ()),
    ("one element", (1, 1), (1,)),
    ("empty", (0, 3), (3,)),
    ("strided", strided(2, 3), strided(3)),
]
SHAPES = [("matrix", (2, 3)), ("number", ()), ("one element", (1, 1)), ("empty", (0, 3)), ("strided", strided(3, 2))]
REDUCTIONS = [
    ("all", (2, 3), {}),
    ("first", (2, 3), {"dim": 0}),
    ("last kept", (2, 3), {"dim": -1, "keepdim": True}),
    ("two", (2, 3, 4), {"dim": (0, -1)}),
    ("two kept", (2, 3, 2), {"dim": (2, 0), "keepdim": True}),
    ("one element", (3, 1), {"dim": 1}),
    ("strided", strided(4, 3), {"dim": 0}),
]
ONE_DIM = [(label, x, options) for label, x, options in REDUCTIONS if not isinstance(options.get("dim"), tuple)]
NO_ELEMENTS = [("empty", (0, 3), {}), ("over an empty dim", (2, 0), {"dim": 1}), ("beside one", (2, 0), {"dim": 0})]
NUMBER = [("number", (), {})]


def binary(name, *more, inputs=PAIRS):
    return [(label, lambda t, x, y: getattr(t, name)(x, y), *pair) for label, *pair in inputs] + list(more)


def extremum(name):
    return binary(name, ("ties", lambda t, x, y: getattr(t, name)(x, y), TIES, 2 * np.ones(3), "kink"))


def unary(name, *more, inputs=SHAPES):
    return [(label, lambda t, x: getattr(t, name)(x), x) for label, x in inputs] + list(more)


def reduction(name, cases, *more):
    return [(label, lambda t, x, o=o: getattr(t, name)(x, **o), x) for label, x, o in cases] + list(more)


def F(t):
    return t.nn.functional


def loss(name, *inputs):
    return [
        (f"{label}, {how}", lambda t, *a, how=how: getattr(F(t), name)(*a, reduction=how), *a)
        for label, *a in inputs
        for how in ("mean", "sum", "none")
    ]


def kl_div(t, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns that 'mean' is not the divergence
        return F(t).kl_div(*args, **options)


def activation(name, *more, kinks=KINK, **options):
    """An activation at ordinary, huge and tiny inputs, and at its kinks."""

    def function(t, x):
        return getattr(F(t), name)(x, **options)

    rows = [*SHAPES, ("large", array(-60.0, -9.0, 9.0, 60.0)), ("tiny", array(-1e-9, 1e-12, 1e-30), "kink")]
    rows += [("kinks", kinks, "kink"), ("huge", array(-1e12, -1e3, 1e3, 1e12), "kink")]
    return [(label, function, *rest) for label, *rest in rows] + list(more)


# What PyTorch does not have, in its words.


def tukey(r, delta):
    return delta**2 / 6 * (1 - (1 - (r / delta).clamp(-1, 1) ** 2) ** 3)


def barron(x, alpha, c):
    s = (x / c) ** 2
    closed = {2: s / 2, 1: (s + 1).sqrt() - 1, 0: torch.log1p(s / 2), -2: 2 * s / (s + 4), -np.inf: 1 - (-s / 2).exp()}
    return closed[alpha] if alpha in closed else abs(alpha - 2) / alpha * ((s / abs(alpha - 2) + 1) ** (alpha / 2) - 1)


def dice(a, b, smooth=1.0):
    overlap, squares = (a * b).flatten(1).sum(1), (a * a + b * b).flatten(1).sum(1)
    return 1 - (2 * overlap + smooth) / (squares + smooth)


def binary_focal(x, t, alpha=0.25, gamma=2.0):
    p_t = torch.sigmoid(x) * t + torch.sigmoid(-x) * (1 - t)
    ce = torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="none")
    return ce * (1 - p_t) ** gamma * (alpha * t + (1 - alpha) * (1 - t) if alpha >= 0 else 1)


def focal(x, y, weight=None, gamma=2.0):
    log_p = -torch.nn.functional.cross_entropy(x, y, reduction="none")
    w = torch.ones_like(log_p) if weight is None else weight.detach()[y]
    return (w * (1 - log_p.exp()) ** gamma * -log_p).sum() / w.sum()


def ours(name, reference, *rows, **options):
    """Rows of one of our own functions: (label, inputs ...), compared with a formula in PyTorch."""
    both = {dlkit: lambda *a: getattr(functional, name)(*a, **options), torch: reference}
    return [(label, lambda t, *a: both[t](*a), *rest) for label, *rest in rows]


RESIDUALS = [
    ("matrix", (2, 3), (2, 3)),
    ("number", (), ()),
    ("empty", (0, 3), (0, 3)),
    ("strided", strided(2, 3), strided(2, 3) ** 2),
    ("ends", array(-0.5, 0.5, 0.0, 1.0, -1.0, 4.0), np.zeros(6), "kink"),
    ("large and tiny", array(1e10, -1e7, 1e-7, -1e-12), np.zeros(4), "kink"),
]
POSITIVE = [("matrix", positive(2, 3)), ("number", positive()), ("empty", positive(0, 3))]

TABLE = {
    "ops.add": binary("add", ("operators", lambda t, x: 2 + x + 1 + x, (2, 3))),
    "ops.sub": binary("sub", ("operators", lambda t, x: 2 - (x - 1), (2, 3))),
    "ops.mul": binary("mul", ("operators", lambda t, x: 2 * x * 3 * x, (2, 3)), ("square", lambda t, x: x * x, (3,))),
    "ops.div": binary(
        "div",
        ("operators", lambda t, x: 2 / x / 3, positive(2, 3)),
        ("by zero", lambda t, x, y: x / y, array(1.0, -1.0), array(0.0, 2.0), "kink"),
        ("integers", lambda t, x, y: x / y, array(1, 2, 3), array(2)[None], "kink"),
        inputs=[(label, x, positive(*y) if isinstance(y, tuple) else y) for label, x, y in PAIRS],
    ),
    "ops.neg": unary("neg", ("operator", lambda t, x: -x, (3,))),
    "ops.pow": binary(
        "pow",
        *[(f"to the {p}", lambda t, x, p=p: x**p, positive(3)) for p in (-2, -0.5, 0.5, 1, 2.5)],
        *[(f"zero to the {p}", lambda t, x, p=p: x**p, KINK, "kink") for p in (0, 1, 2, 3)],
        ("root at zero", lambda t, x: x**0.5, array(0.0, 4.0), "kink"),
        ("base a number", lambda t, x: 2**x, (3,)),
        ("base zero", lambda t, x, y: x**y, array(0.0, 0.0, 2.0), array(2.0, 1.0, 3.0), "kink"),
        ("negative base", lambda t, x: x**3, -positive(3)),
        inputs=[(label, positive(*x) if isinstance(x, tuple) else abs(x), y) for label, x, y in PAIRS],
    ),
    "ops.maximum": extremum("maximum"),
    "ops.minimum": extremum("minimum"),
    "ops.where": [
        ("same shape", lambda t, x, y: t.where(x > 0, x, y), (2, 3), (2, 3)),
        ("broadcast", lambda t, c, x, y: t.where(c, x, y), array([True], [False]), (3,), ()),
        ("number", lambda t, x: t.where(x > 0, x, 0.0), (2, 3)),
        ("numbers", lambda t, x: t.where(x > 0, 1.0, -1.0), KINK, "kink"),
        ("number first", lambda t, x: t.where(x > 0, 1.0, x), (2, 3)),
        ("method", lambda t, x, y: x.where(x > y, y), (2, 3), (3,)),
    ],
    "ops.exp": unary("exp", ("overflow", lambda t, x: t.exp(x), array(-1e3, 1e3), "kink")),
    "ops.log": unary("log", ("at and below 0", lambda t, x: t.log(x), array(0.0, -1.0, 2.0), "kink"), inputs=POSITIVE),
    "ops.sqrt": unary(
        "sqrt", ("at and below 0", lambda t, x: t.sqrt(x), array(0.0, -1.0, 4.0), "kink"), inputs=POSITIVE
    ),
    "ops.abs": unary("abs", ("kink", lambda t, x: abs(x), KINK, "kink")),
    "ops.sin": unary("sin"),
    "ops.cos": unary("cos"),
    **{f"ops.{name}": unary(name) for name in ("expm1", "square", "tan", "atan", "sinh", "cosh")},
    "ops.log1p": unary("log1p", ("tiny", lambda t, x: t.log1p(x), 1e-9 * positive(3), "kink"), inputs=POSITIVE),
    **{f"ops.{name}": unary(name, inputs=POSITIVE) for name in ("log2", "log10", "rsqrt", "reciprocal")},
    **{
        f"ops.{name}": unary(
            name,
            ("ends and beyond", lambda t, x, name=name: getattr(t, name)(x), array(-1.0, 1.0, 2.0), "kink"),
            inputs=[
                ("matrix", positive(2, 3) - 0.8),
                ("number", np.asarray(positive() - 0.8)),
                ("empty", positive(0, 2)),
            ],
        )
        for name in ("asin", "acos")
    },
    **{
        f"ops.{name}": [
            ("halves", lambda t, x, name=name: getattr(t, name)(x), array(-1.5, -0.5, 0.2, 0.5, 2.5), "kink")
        ]
        for name in ("floor", "ceil", "round")
    },
    **{
        f"ops.{name}": [
            ("all kinds", lambda t, x, name=name: getattr(t, name)(x), array(0.0, math.nan, math.inf), "kink")
        ]
        for name in ("isnan", "isinf", "isfinite")
    },
    "ops.erf": unary("erf", ("huge and tiny", lambda t, x: t.erf(x), array(-1e30, -5.9, 1e-30, 3.0, 6.5))),
    "ops.tanh": unary("tanh", ("huge", lambda t, x: t.tanh(x), HUGE)),
    "ops.sigmoid": unary("sigmoid", ("huge", lambda t, x: t.sigmoid(x), HUGE)),
    "ops.relu": unary("relu", ("kink", lambda t, x: t.relu(x), KINK, "kink")),
    "ops.sign": unary("sign", ("at 0", lambda t, x: t.sign(x), KINK, "kink")),
    "ops.clamp": [
        (f"{low} to {high}", lambda t, x, a=low, b=high: t.clamp(x, min=a, max=b), (3, 4))
        for low, high in ((-0.5, 0.5), (None, 0.2), (0, None))
    ]
    + [("ends", lambda t, x: t.clamp(x, -1.5, 2.0), array(-2.0, -1.5, 0.0, 2.0, 3.0), "kink")],
    "ops.matmul": [
        (label, lambda t, x, y: x @ y, *pair)
        for label, *pair in (
            ("matrices", (2, 3), (3, 4)),
            ("vectors", (3,), (3,)),
            ("matrix and vector", (2, 3), (3,)),
            ("vector and matrix", (3,), (3, 2)),
            ("stacks", (2, 2, 3), (2, 3, 2)),
            ("stack and matrix", (2, 2, 3), (3, 2)),
            ("matrix and stack", (2, 3), (2, 3, 2)),
            ("stacks broadcast", (2, 1, 2, 3), (3, 3, 1)),
            ("stack and vector", (2, 2, 3), (3,)),
            ("vector and stack", (3,), (2, 3, 2)),
            ("one by one", (1, 1), (1, 1)),
            ("empty rows", (0, 3), (3, 2)),
            ("empty inside", (2, 0), (0, 3)),
            ("strided", strided(2, 3), strided(3, 2)),
        )
    ]
    + [("with itself", lambda t, x: x @ x.T, (2, 3))],
    "ops.outer": [("vectors", lambda t, x, y: t.outer(x, y), (3,), (2,)), ("self", lambda t, x: t.outer(x, x), (3,))],
    "ops.to": [
        ("to float32 and back", lambda t, x: x.to(t.float32).to(t.float64) * x, array(0.5, -2.0, 0.25), "kink"),
        ("same", lambda t, x: x.to(t.float64) * 2.0, (3,)),
        ("to integers", lambda t, x: x.to(t.int64), array(0.5, -1.5, 2.0), "kink"),
    ],
    **{
        f"ops.{name}": [
            ("same shape", lambda t, x, y, name=name: getattr(t, name)(x, y), TIES, 2 * np.ones((2, 3))),
            ("number", lambda t, x, name=name: getattr(t, name)(x, 2), TIES),
            ("broadcast", lambda t, x, y, name=name: getattr(x, f"__{name}__")(y), TIES, array([2.0], [3.0])),
        ]
        for name in ("eq", "ne", "lt", "le", "gt", "ge")
    },
    "ops.allclose": [
        (label, lambda t, x, y: t.tensor(t.allclose(x, y)), TIES, TIES + difference)
        for label, difference in (("equal", 0.0), ("close", 1e-6), ("apart", 1e-3))
    ],
    # --- shape_ops ---
    "shape_ops.sum": reduction(
        "sum", REDUCTIONS + NO_ELEMENTS + NUMBER, ("bool", lambda t, x: t.sum(x), TIES > 1, "kink")
    ),
    "shape_ops.mean": reduction("mean", REDUCTIONS + NUMBER + NO_ELEMENTS),
    "shape_ops.var": reduction(
        "var", REDUCTIONS[:5], ("biased", lambda t, x: t.var(x, 0, correction=0, keepdim=True), (3, 2))
    ),
    "shape_ops.std": reduction(
        "std",
        REDUCTIONS[:5],
        ("biased", lambda t, x: t.std(x, 0, correction=0), (3, 2)),
        ("of equal numbers", lambda t, x: t.std(x, 1), TIES, "kink"),
    ),
    **{
        f"shape_ops.{name}": [
            ("all", lambda t, x, name=name: getattr(t, name)(x), (2, 3)),
            ("number", lambda t, x, name=name: getattr(t, name)(x), ()),
            ("all, ties", lambda t, x, name=name: getattr(t, name)(x), TIES, "kink"),
            ("first", lambda t, x, name=name: getattr(t, name)(x, 0).values, (2, 3)),
            ("last kept", lambda t, x, name=name: getattr(t, name)(x, -1, keepdim=True).values, strided(2, 3)),
            ("dim, ties", lambda t, x, name=name: getattr(t, name)(x, 1).values, TIES, "kink"),
            ("beside an empty dim", lambda t, x, name=name: getattr(t, name)(x, 1).values, (0, 3)),
            ("indices", lambda t, x, name=name: getattr(t, name)(x, dim=1).indices, TIES, "kink"),
            ("number, dim", lambda t, x, name=name: getattr(t, name)(x, 0).values, ()),
            ("two tensors", lambda t, x, y, name=name: getattr(t, name)(x, y), (2, 3), (3,)),
        ]
        for name in ("max", "min")
    },
    **{
        f"shape_ops.{name}": reduction(name, ONE_DIM + NUMBER, ("ties", lambda t, x, n=name: getattr(t, n)(x, 1), TIES))
        for name in ("argmax", "argmin")
    },
    "shape_ops.prod": reduction(
        "prod",
        ONE_DIM + NUMBER + NO_ELEMENTS,
        ("one zero", lambda t, x: t.prod(x, 1), array([2.0, 0.0, 3.0], [1.0, 4.0, 2.0])),
        ("two zeros", lambda t, x: t.prod(x), array([2.0, 0.0], [0.0, 4.0])),
    ),
    "shape_ops.einsum": [
        ("matrix product", lambda t, x, y: t.einsum("ij,jk->ik", x, y), (2, 3), (3, 4)),
        ("implicit result", lambda t, x, y: t.einsum("kj, ji", x, y), (2, 3), (3, 4)),
        ("batch", lambda t, x, y: t.einsum("bij,bjk->bki", x, y), (2, 3, 4), (2, 4, 1)),
        ("transpose", lambda t, x: t.einsum("ij->ji", x), (2, 3)),
        ("row sums", lambda t, x: t.einsum("ij->i", x), (2, 3)),
        ("everything", lambda t, x, y: t.einsum("i,j->", x, y), (2,), (3,)),
        ("number", lambda t, x, y: t.einsum(",i->i", x, y), (), (3,)),
        ("three", lambda t, x, y, z: t.einsum("ia,ab,ib->i", x, y, z), (4, 2), (2, 3), (4, 3)),
        ("summed alone", lambda t, x, y: t.einsum("ij,k->k", x, y), (2, 3), (4,)),
        ("twice the same", lambda t, x: t.einsum("i,i->", x, x), (3,)),
        ("empty", lambda t, x, y: t.einsum("ij,jk->ik", x, y), (0, 3), (3, 2)),
        ("over nothing", lambda t, x, y: t.einsum("ij,jk->ik", x, y), (2, 0), (0, 2)),
        ("strided", lambda t, x, y: t.einsum("ij,jk->ik", x, y), strided(2, 3), strided(3, 2)),
    ],
    "shape_ops.cumsum": [
        (label, lambda t, x, d=d: t.cumsum(x, d), shape)
        for label, shape, d in (
            ("first", (3, 2), 0),
            ("last", (2, 3, 2), -1),
            ("empty", (0, 2), 0),
            ("one", (1,), 0),
        )  # fmt: skip
    ],
    "shape_ops.norm": [
        (label, lambda t, x, o=o: t.norm(x, **o), x, *kink)
        for label, x, o, *kink in (
            ("all", (2, 3), {}),
            ("rows", (2, 3), {"dim": 1}),
            ("kept", (2, 3), {"p": 2, "dim": 0, "keepdim": True}),
            ("p=1", (2, 3), {"p": 1, "dim": -1}),
            ("number", (), {}),
            ("at 0", np.zeros(3), {}, "kink"),
            ("p=1 at 0", KINK, {"p": 1}, "kink"),
        )
    ],
    "shape_ops.logsumexp": reduction(
        "logsumexp",
        [case for case in REDUCTIONS if "dim" in case[2]],
        ("huge", lambda t, x: t.logsumexp(x, 1), HUGE),
        ("minus infinity", lambda t, x: t.logsumexp(x, 0), array(-np.inf, 1.0, 2.0), "kink"),
        ("beside an empty dim", lambda t, x: t.logsumexp(x, 1), (0, 3)),
    ),
    "shape_ops.reshape": [
        ("merge", lambda t, x: t.reshape(x, (6,)), (2, 3)),
        ("guess", lambda t, x: x.reshape(3, -1), (2, 3)),
        ("to a number", lambda t, x: x.reshape(()), (1, 1)),
        ("from a number", lambda t, x: x.reshape(1, 1), ()),
        ("empty", lambda t, x: x.reshape(0, 2), (2, 0)),
        ("strided", lambda t, x: x.reshape(3, 2), strided(2, 3)),
    ],
    "shape_ops.view": [("merge", lambda t, x: x.view(-1), (2, 3)), ("tuple", lambda t, x: x.view((3, 2)), (2, 3))],
    "shape_ops.flatten": [
        ("all", lambda t, x: t.flatten(x), (2, 3)),
        ("but the first", lambda t, x: t.flatten(x, 1), (2, 3, 2)),
        ("middle", lambda t, x: t.flatten(x, 1, -2), (2, 1, 3, 2)),
        ("number", lambda t, x: t.flatten(x), ()),
        ("empty", lambda t, x: t.flatten(x, 1), (0, 2, 3)),
    ],
    "shape_ops.squeeze": [
        ("all", lambda t, x: t.squeeze(x), (1, 3, 1)),
        ("one", lambda t, x: t.squeeze(x, -1), (1, 3, 1)),
        ("none", lambda t, x: t.squeeze(x, 1), (1, 3, 1)),
        ("several", lambda t, x: t.squeeze(x, (0, 1)), (1, 3, 1)),
        ("number", lambda t, x: t.squeeze(x), ()),
    ],
    "shape_ops.unsqueeze": [
        (f"{len(shape)} dims, at {d}", lambda t, x, d=d: t.unsqueeze(x, d), shape)
        for shape, d in (((2, 3), 0), ((2, 3), 1), ((2, 3), -1), ((2, 3), -3), ((), 0))
    ],
    "shape_ops.permute": [
        ("three", lambda t, x: t.permute(x, (2, 0, 1)), (2, 3, 4)),
        ("numbers", lambda t, x: x.permute(1, -1, 0), (2, 3, 1)),
        ("T", lambda t, x: x.T, strided(2, 3)),
        ("number", lambda t, x: x.permute(()), ()),
    ],
    "shape_ops.transpose": [
        ("matrix", lambda t, x: t.transpose(x, 0, 1), (2, 3)),
        ("negative", lambda t, x: x.transpose(-1, 0), (2, 3, 2)),
    ],
    "shape_ops.expand": [
        ("column", lambda t, x: x.expand(2, 3), (2, 1)),
        ("new dimension", lambda t, x: x.expand(4, -1, -1), (2, 3)),
        ("tuple", lambda t, x: x.expand((2, 3)), (3,)),
        ("number", lambda t, x: x.expand(3), ()),
        ("empty", lambda t, x: x.expand(0, 3), (1, 3)),
    ],
    "shape_ops.getitem": [
        (label, lambda t, x, *i, pick=pick: pick(x, *i), x, *i)
        for label, pick, x, *i in (
            ("integer", lambda x: x[1], (3, 2)),
            ("negative", lambda x: x[-1, 0], (3, 2)),
            ("slice", lambda x: x[1:], (3, 2)),
            ("steps", lambda x: x[::2, 1:], strided(5, 3)),
            ("none", lambda x: x[:, None], (3, 2)),
            ("ellipsis", lambda x: x[..., 0], (2, 3, 2)),
            ("list, repeated", lambda x: x[[0, 2, 0, 0]], (3, 2)),
            ("tensor, repeated", lambda x, i: x[i], (3, 2), array([0, 2], [0, 0])),
            ("one of each row", lambda x, i: x[[0, 1, 2, 3], i], (4, 3), CLASSES),
            ("rows and columns", lambda x, i: x[i[:, None], i[None, :2]], (4, 3), array(0, 2, 2)),
            ("tensor and slice", lambda x, i: x[:, i], (2, 3), CLASSES),
            ("single-number tensor", lambda x, i: x[i], (3, 2), array(1)),
            ("boolean", lambda x: x[x > 0], (3, 2)),
            ("boolean rows", lambda x, m: x[m, 1:], (3, 2), array(True, False, True)),
            ("boolean, none", lambda x: x[x > 99], (3, 2)),
            ("empty", lambda x: x[3:], (3, 2)),
            ("column of a row", lambda x: x[0][1], (3, 2)),
        )
    ],
    "shape_ops.cat": [
        ("rows", lambda t, x, y: t.cat([x, y]), (2, 3), (1, 3)),
        ("columns", lambda t, x, y, z: t.cat((x, y, z), dim=-1), (2, 1), (2, 2), strided(2, 3)),
        ("itself", lambda t, x: t.cat([x, x], 1), (2, 2)),
        ("empty", lambda t, x, y: t.cat([x, y]), (0, 3), (2, 3)),
        ("integers and floats", lambda t, x, y: t.cat([x, y]), (2,), array(1, 2)),
    ],
    "shape_ops.stack": [
        ("vectors", lambda t, x, y: t.stack([x, y]), (3,), (3,)),
        ("last", lambda t, x, y: t.stack([x, y, x], dim=-1), (2, 3), (2, 3)),
        ("numbers", lambda t, x, y: t.stack((x, y)), (), ()),
    ],
    "shape_ops.split": [
        ("equal", lambda t, x: t.split(x, 2), (4, 2)),
        ("smaller last", lambda t, x: t.split(x, 2, dim=-1), (2, 5)),
        ("lengths", lambda t, x: t.split(x, [1, 0, 3], 1), (2, 4)),
        ("part of it used", lambda t, x: t.split(x, 2)[1], (4, 2)),
        ("nothing", lambda t, x: t.split(x, 2), (0, 2)),
    ],
    # --- nn.functional ---
    "functional.linear": [
        (label, lambda t, *a: F(t).linear(*a), *a)
        for label, *a in (
            ("batch", (4, 3), (2, 3), (2,)),
            ("no bias", (4, 3), (2, 3)),
            ("vector", (3,), (2, 3), (2,)),
            ("stack", (2, 2, 3), (2, 3), (2,)),
            ("empty batch", (0, 3), (2, 3), (2,)),
        )
    ],
    "functional.leaky_relu": [
        ("default", lambda t, x: F(t).leaky_relu(x), (2, 3)),
        ("slope", lambda t, x: F(t).leaky_relu(x, 0.2), (2, 3)),
        ("kink", lambda t, x: F(t).leaky_relu(x, 0.2), KINK, "kink"),
    ],
    "functional.softplus": [
        (label, lambda t, x: F(t).softplus(x), x, *kink)
        for label, x, *kink in (("matrix", (2, 3)), ("number", ()), ("large", array(-30.0, 15.0, 19.0)))
    ]
    + [
        ("above the threshold", lambda t, x: F(t).softplus(x), array(19.999, 20.0, 20.001, 1e3), "kink"),
        ("beta", lambda t, x: F(t).softplus(x, 3.0), (2, 3)),
        ("threshold", lambda t, x: F(t).softplus(x, beta=2, threshold=1), array(-1e3, 0.4, 0.5, 0.6, 50.0), "kink"),
        ("huge", lambda t, x: F(t).softplus(x), array(-1e30, -1e3, 1e3), "kink"),
    ],
    **{
        f"functional.{name}": activation(name) for name in ("celu", "elu", "gelu", "logsigmoid", "mish", "selu", "silu")
    },
    "functional.softsign": activation("softsign"),
    "functional.hardtanh": activation("hardtanh", kinks=array(-2.0, -1.0, 0.0, 1.0, 2.0))
    + [("ends", lambda t, x: F(t).hardtanh(x, -0.5, 2.0), array(-3.0, -0.5, 0.1, 2.0, 2.1), "kink")],
    **{
        f"functional.{name}": activation(name, kinks=array(-3.0, -1.0, 0.0, 1.0, 3.0, 6.0))
        for name in ("hardswish", "relu6")
    },
    "functional.hardsigmoid": [  # PyTorch's own has a derivative of 1/6 in float32 only
        (label, lambda t, x: F(t).hardsigmoid(x) if t is dlkit else F(t).relu6(x + 3) / 6, *rest)
        for label, _, *rest in activation("hardsigmoid", kinks=array(-3.0, 0.0, 3.0, 6.0))
    ],
    "functional.swish": [
        (f"{label}, beta {beta}", lambda t, x, b=beta: F(t).swish(x, b) if t is dlkit else x * t.sigmoid(b * x), x)
        for label, x in SHAPES
        for beta in (0.0, 0.4, 1.0, 50.0)
    ]
    + [("beta learned", lambda t, x, b: F(t).swish(x, b) if t is dlkit else x * t.sigmoid(b * x), (2, 3), ())],
    "functional.prelu": [
        (label, lambda t, x, w: F(t).prelu(x, w), x, w, *kink)
        for label, x, w, *kink in (
            ("one slope", (2, 3), (1,)),
            ("a slope a channel", (2, 3), (3,)),
            ("images", (2, 3, 2, 2), (3,)),
            ("images, one slope", strided(2, 3, 2), (1,)),
            ("vector", (4,), (1,)),
            ("number", (), (1,)),
            ("empty", (0, 3), (3,)),
            ("more than 1", (2, 3), np.array([1.5])),
            ("kink", KINK, np.array([0.5]), "kink"),
        )
    ],
    **{
        f"functional.{name}": [
            (label, lambda t, x, dim=dim, name=name: getattr(F(t), name)(x, dim=dim), x)
            for label, x, dim in (
                ("rows", (2, 3), 1),
                ("columns", (2, 3), 0),
                ("middle", (2, 3, 2), -2),
                ("one class", (3, 1), 1),
                ("huge", HUGE, 1),
                ("empty batch", (0, 3), 1),
                ("strided", strided(2, 3), -1),
                ("number", (), 0),
            )  # fmt: skip
        ]
        for name in ("softmax", "log_softmax")
    },
    "functional.dropout": [
        ("p=0", lambda t, x: F(t).dropout(x, 0.0) * 1.0, (2, 3)),
        ("p=1", lambda t, x: F(t).dropout(x, 1.0), (2, 3)),
        ("not training", lambda t, x: F(t).dropout(x, 0.5, training=False) * 1.0, (2, 3)),
    ],
    "functional.one_hot": [
        ("given", lambda t, x: F(t).one_hot(x, 4), CLASSES),
        ("guessed", lambda t, x: F(t).one_hot(x), CLASSES.reshape(2, 2)),
        ("named", lambda t, x: F(t).one_hot(x, num_classes=3), array(1)),
    ],
    **{
        f"functional.{name}": [
            (
                f"{label}, {how}, {o}",
                lambda t, x, y, n=name, h=how, o=o: getattr(F(t), n)(x, y, reduction=h, **o),
                *pair,
            )
            for label, *pair in RESIDUALS
            for how in ("mean", "sum", "none")
            for o in options
        ]
        for name, options in {
            "l1_loss": [{}],
            "huber_loss": [{}, {"delta": 0.3}, {"delta": 5}],
            "smooth_l1_loss": [{}, {"beta": 0.3}, {"beta": 5}, {"beta": 0}],
        }.items()
    },
    "functional.tukey_loss": [
        row
        for d in (0.5, 1.0, 4.0)
        for row in ours(
            "tukey_loss",
            lambda x, y, d=d: tukey(x - y, d),
            *((f"{label}, {d}", *rest) for label, *rest in RESIDUALS),
            delta=d,
            reduction="none",
        )
    ],
    "functional.quantile_loss": [
        row
        for q in (0.1, 0.5, 0.9)
        for row in ours(
            "quantile_loss",
            lambda x, y, q=q: torch.maximum(q * (y - x), (q - 1) * (y - x)).mean(),
            *((f"{label}, {q}", *rest) for label, *rest in RESIDUALS),
            quantile=q,
        )
    ],
    "functional.barron_loss": [
        row
        for alpha in (3, 2, 1.5, 1, 0.5, 0, -0.7, -2, -30, -np.inf)
        for c in (0.3, 2)
        for row in ours(
            "barron_loss",
            lambda x, y, alpha=alpha, c=c: barron(x - y, alpha, c).sum(),
            *((f"{label}, {alpha}, {c}", *rest) for label, *rest in RESIDUALS),
            alpha=alpha,
            c=c,
            reduction="sum",
        )
    ],
    "functional.kl_div": [
        (
            f"{label}, {how}, {log}",
            lambda t, x, y, h=how, o=log: kl_div(t, x, y, reduction=h, log_target=o),
            *pair,
            *kink,
        )
        for label, log, *pair, kink in (
            ("probabilities", False, (2, 3), positive(2, 3), ()),
            ("logarithms", True, (2, 3), (2, 3), ()),
            ("number", False, (), positive(), ()),
            ("stack", False, (2, 3, 2), positive(2, 3, 2), ()),
            ("empty", False, (0, 3), positive(0, 3), ("kink",)),
            ("huge", True, HUGE, -abs(HUGE), ("kink",)),
        )
        for how in ("mean", "batchmean", "sum", "none")
    ],
    "functional.poisson_nll_loss": [
        (f"{label}, {how}, full {full}", lambda t, x, y, o=o: F(t).poisson_nll_loss(x, y, **o), x, y)
        for label, x, y, log in (
            ("log rates", (2, 3), array([0.7, 1.5, 2.0], [3.0, 7.0, 0.5]), True),
            ("rates", positive(2, 3), array([0.7, 1.5, 2.0], [3.0, 7.0, 0.5]), False),
            ("empty", (0,), (0,), True),
        )
        for how in ("mean", "sum", "none")
        for full in (False, True)
        for o in [{"reduction": how, "full": full, "log_input": log}]
    ],
    "functional.gaussian_nll_loss": [
        (f"{label}, {how}, full {full}", lambda t, *a, o=o: F(t).gaussian_nll_loss(*a, **o), *inputs)
        for label, *inputs in (
            ("a variance each", (2, 3), (2, 3), positive(2, 3)),
            ("one a row", (2, 3), (2, 3), positive(2)),
            ("one a row, kept", (2, 3), (2, 3), positive(2, 1)),
            ("one a channel", (2, 3, 2), (2, 3, 2), positive(2, 1, 2)),
            ("numbers", (), (), positive()),
            ("empty", (0, 3), (0, 3), positive(0, 3)),
        )
        for how in ("mean", "sum", "none")
        for full in (False, True)
        for o in [{"reduction": how, "full": full}]
    ]
    + [
        ("a number", lambda t, x, y: F(t).gaussian_nll_loss(x, y, 0.5), (2, 3), (2, 3)),
        ("limited", lambda t, *a: F(t).gaussian_nll_loss(*a, eps=0.5), (3,), (3,), array(0.0, 0.1, 3.0), "kink"),
    ],
    "functional.dice_loss": [
        row
        for s in (1.0, 1e-6, 10.0)
        for row in ours(
            "dice_loss",
            lambda a, b, s=s: dice(a, b, s).mean(),
            (f"images, {s}", positive(3, 1, 2, 2), (positive(3, 1, 2, 2) > 0.7) + 0.0),
            (f"soft, {s}", positive(2, 5), strided(2, 5)),
            (f"one pixel, {s}", positive(1, 1), positive(1, 1)),
            smooth=s,
        )
    ],
    "functional.sigmoid_focal_loss": [
        row
        for alpha, gamma in ((0.25, 2.0), (-1, 2.0), (0.9, 0.0), (0.0, 5), (1, 1.0), (0.5, 0.5))
        for row in ours(
            "sigmoid_focal_loss",
            lambda x, t, a=alpha, g=gamma: binary_focal(x, t, a, g),
            (f"classes, {alpha}, {gamma}", (4,), array(0.0, 1.0, 1.0, 0.0)),
            (f"shares, {alpha}, {gamma}", (2, 3), positive(2, 3) / 1.5),
            alpha=alpha,
            gamma=gamma,
        )
    ],
    "functional.focal_loss": [
        row
        for gamma in (0.0, 0.5, 1, 2.0, 5.0)
        for row in ours(
            "focal_loss",
            lambda x, y, w=None, g=gamma: focal(x, y, w, g),
            (f"classes, {gamma}", (4, 3), CLASSES),
            (f"vector, {gamma}", (3,), array(2)),
            (f"images, {gamma}", (1, 3, 2, 2), CLASSES.reshape(1, 2, 2)),
            gamma=gamma,
        )
    ]
    + ours(
        "focal_loss",
        focal,
        ("weights", (4, 3), CLASSES, array(1, 2, 5)),
    ),
    "functional.class_balanced_weights": [
        row
        for beta in (0.0, 0.9, 0.999)
        for row in ours(
            "class_balanced_weights",
            lambda n, b=beta: ((1 - b) / (1 - b ** n.double())).to(torch.get_default_dtype()),
            (f"{beta}", array(1, 10, 1000)),
            beta=beta,
        )
    ],
    "functional.mse_loss": loss("mse_loss", ("matrix", (2, 3), (2, 3)), ("number", (), ()), ("one", (1,), (1,))),
    "functional.binary_cross_entropy": loss(
        "binary_cross_entropy",
        ("inside", positive(4) / 2, array(0.0, 1.0, 1.0, 0.25)),
        ("number", np.asarray(0.3), array(1.0)),
    ),
    "functional.binary_cross_entropy_with_logits": loss(
        "binary_cross_entropy_with_logits", ("matrix", (2, 3), (2, 3)), ("huge", HUGE, (TIES > 2) + 0.0)
    ),
    "functional.nll_loss": loss("nll_loss", ("four", (4, 3), CLASSES), ("one class", (2, 1), array(0, 0))),
    "functional.cross_entropy": loss(
        "cross_entropy",
        ("classes", (4, 3), CLASSES),
        ("huge", HUGE, array(0, 1)),
        ("probabilities", (2, 3), PROBABILITIES),
        ("one class", (2, 1), array(0, 0)),
        ("one sample", (1, 3), array(2)[None]),
    ),
    # --- normalisation, embedding, attention ---
    "functional.batch_norm": [
        ("in training", lambda t, x, w, b: F(t).batch_norm(x, None, None, w, b, training=True), (4, 3, 2), (3,), (3,)),
        ("images", lambda t, x: F(t).batch_norm(x, None, None, training=True, eps=0.1), strided(2, 3, 2, 4)),
        ("no bias", lambda t, x, w: F(t).batch_norm(x, None, None, w, training=True), (4, 3), (3,)),
        ("running", lambda t, x, v: F(t).batch_norm(x, v.detach(), v.detach(), v), (4, 3), positive(3), "kink"),
        ("equal values", lambda t, x: F(t).batch_norm(x, None, None, training=True), np.ones((4, 3))),
        ("empty batch", lambda t, x, w, b: F(t).batch_norm(x, None, None, w, b, training=True), (0, 3), (3,), (3,)),
    ],
    "functional.layer_norm": [
        ("rows", lambda t, x, w, b: F(t).layer_norm(x, (3,), w, b), (4, 3), (3,), (3,)),
        ("images", lambda t, x, w, b: F(t).layer_norm(x, (3, 2), w, b, 0.1), strided(2, 3, 3, 2), (3, 2), (3, 2)),
        ("plain", lambda t, x: F(t).layer_norm(x, [3]), (4, 3)),
        ("vector", lambda t, x, b: F(t).layer_norm(x, (3,), None, b), (3,), (3,)),
        ("one value", lambda t, x: F(t).layer_norm(x, (1,)), (4, 1)),
        ("empty batch", lambda t, x, w: F(t).layer_norm(x, (3,), w), (0, 3), (3,)),
    ],
    "functional.embedding": [
        ("row of words", lambda t, i, w: F(t).embedding(i, w), CLASSES, (3, 2)),
        ("matrix, padding", lambda t, i, w: F(t).embedding(i, w, 2), array([0, 2], [2, 1]), (3, 2), "kink"),
        ("padding from the end", lambda t, i, w: F(t).embedding(i, w, padding_idx=-3), CLASSES, (3, 2), "kink"),
        ("one word", lambda t, i, w: F(t).embedding(i, w), np.array(1), (3, 1)),
        ("no words", lambda t, i, w: F(t).embedding(i, w), np.zeros((0, 2), int), (3, 2)),
    ],
    "functional.scaled_dot_product_attention": [
        (label, lambda t, *a, f=options: F(t).scaled_dot_product_attention(*a[:3], *a[3:], **f), *inputs)
        for label, options, *inputs in (
            ("one", {}, (3, 2), (4, 2), (4, 5)),
            ("heads", {}, (2, 3, 4, 2), (2, 3, 5, 2), (2, 3, 5, 2)),
            ("scale", {"scale": 2.0}, (3, 2), (4, 2), (4, 2)),
            ("causal", {"is_causal": True}, (2, 4, 2), (2, 4, 2), (2, 4, 2)),
            ("causal, few queries", {"is_causal": True}, (2, 3), (4, 3), (4, 3)),
            ("causal, many queries", {"is_causal": True}, (4, 3), (2, 3), (2, 3)),
            ("boolean", {}, (2, 3, 2), (2, 3, 2), (2, 3, 2), array([1, 0, 1], [0, 0, 0], [1, 1, 1]) > 0),
            ("added", {}, (2, 3, 2), (2, 4, 2), (2, 4, 2), (3, 4)),
            ("one key, huge", {}, 1e3 * np.ones((2, 3)), (1, 3), (1, 2)),
            ("strided", {}, strided(2, 3, 2), strided(2, 4, 2), strided(2, 4, 2)),
            ("empty batch", {}, (0, 3, 2), (0, 4, 2), (0, 4, 2)),
        )
    ],
}

TABLE |= CONVOLUTION_TABLE
MODULES = {"ops": ops, "shape_ops": shape_ops, "functional": functional, "convolution": convolution, "pooling": pooling}
NOT_OPERATIONS = {f"convolution.{n}" for n in ("output_size", "receptive_field", "conv2d_loops", "conv_matrix")}
NOT_OPERATIONS |= {"ops.cpu", "ops.cuda"}


def smooth(operation, last):
    return operation not in NOT_DIFFERENTIABLE and not isinstance(last, str)


CASES = [
    Case(operation, label, function, tuple(x for x in rest if not isinstance(x, str)), smooth(operation, rest[-1]))
    for operation, rows in TABLE.items()
    for label, function, *rest in rows
]


def public_operations():
    """Every public function that the modules of operations define, found by looking."""
    return {
        f"{short}.{name}"
        for short, module in MODULES.items()
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__.startswith(home(module)) and not name.startswith("_")
    } - NOT_OPERATIONS


def home(module):
    """Where the operations of a module are defined; those of nn.functional, beside their modules in nn."""
    return module.__name__.removesuffix(".functional")


# --- running a case -----------------------------------------------------------------------------------------------


def numbers(tensor):
    return tensor.detach().numpy()


def relative_error(actual, expected):
    """Largest difference over largest number; infinities and NaN must stand in the same places."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"shape {actual.shape}, torch has {expected.shape}"
    actual, expected = actual.astype(float), expected.astype(float)
    with np.errstate(invalid="ignore"):
        same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        difference = np.where(same, 0.0, np.abs(actual - expected))
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max() if finite.size and finite.max() > 0 else 1.0
    worst = (difference / scale).max() if difference.size else 0.0
    return np.inf if np.isnan(worst) else float(worst)


def evaluate(library, case, dtype):
    """Outputs of a case in one library, and the gradients of a random linear functional of them."""
    arrays = case.arrays(dtype)
    inputs = [library.from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in arrays]
    outputs = case.function(library, *inputs)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    rng = np.random.default_rng(3)
    weights = [np.asarray(rng.normal(size=tuple(y.shape)), dtype) for y in outputs]
    if any(y.requires_grad for y in outputs):
        total = sum((y * library.from_numpy(w)).sum() for y, w in zip(outputs, weights, strict=True))
        total.backward()
    gradients = [np.zeros_like(a) if x.grad is None else numbers(x.grad) for a, x in zip(arrays, inputs, strict=True)]
    return outputs, gradients


def run(case, dtype="float64"):
    """Worst relative errors of a case; raises if shapes, dtypes or the recording differ from PyTorch's."""
    ours, our_gradients = evaluate(dlkit, case, dtype)
    theirs, their_gradients = evaluate(torch, case, dtype)
    assert len(ours) == len(theirs)
    for y, z in zip(ours, theirs, strict=True):
        assert str(numbers(y).dtype) == str(numbers(z).dtype), f"dtype {numbers(y).dtype}, torch has {z.dtype}"
        assert y.requires_grad == z.requires_grad, f"requires_grad {y.requires_grad}, torch has {z.requires_grad}"
    return Result(
        max(relative_error(numbers(y), numbers(z)) for y, z in zip(ours, theirs, strict=True)),
        max(relative_error(g, h) for g, h in zip(our_gradients, their_gradients, strict=True)),
    )


def check_differences(case):
    """Compare every entry of the Jacobian with central differences."""
    inputs = [dlkit.from_numpy(a.copy(order="K")).requires_grad_(a.dtype.kind == "f") for a in case.arrays("float64")]

    def function(*tensors):
        output = case.function(dlkit, *tensors)
        return dlkit.cat([y.reshape(-1) for y in output]) if isinstance(output, tuple) else output

    return gradcheck(function, inputs, eps=1e-6, atol=1e-6, rtol=1e-6)


def main():
    print(f"{'operation':46s} {'cases':>5s} {'differences':>11s} {'value':>8s} {'gradient':>8s}   (relative errors)")
    for operation in TABLE:
        cases = [case for case in CASES if case.operation == operation]
        results = [run(case) for case in cases]
        smooth = sum(check_differences(case) for case in cases if case.smooth)
        gradient = "none" if operation in NOT_DIFFERENTIABLE else f"{max(r.gradient for r in results):.1e}"
        print(f"{operation:46s} {len(cases):5d} {smooth:11d} {max(r.value for r in results):8.1e} {gradient:>8s}")


if __name__ == "__main__":
    sys.exit(main())
