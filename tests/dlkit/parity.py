"""Every operation against PyTorch: the table of cases, and the one function that runs a case.

    python -m tests.dlkit.parity

lists each operation with its cases and the worst relative errors of value and gradient. A case is an
expression that means the same in both libraries: it is called with ``t``, which is dlkit or torch, and with
tensors of that library.
"""

import dataclasses
import inspect
import sys
import zlib
from collections.abc import Callable

import numpy as np
import torch

import dlkit
from dlkit import convolution, ops, shape_ops
from dlkit.checks import gradcheck
from dlkit.nn import functional

from .convolution_cases import CONVOLUTION_TABLE

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
NOT_DIFFERENTIABLE = {"ops.allclose", "shape_ops.argmax", "shape_ops.argmin", "functional.one_hot"} | {
    f"ops.{name}" for name in ("eq", "ne", "lt", "le", "gt", "ge")
}


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
}

TABLE |= CONVOLUTION_TABLE
MODULES = {"ops": ops, "shape_ops": shape_ops, "functional": functional, "convolution": convolution}
NOT_OPERATIONS = {f"convolution.{n}" for n in ("output_size", "receptive_field", "conv2d_loops", "conv_matrix")}


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
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    } - NOT_OPERATIONS


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
