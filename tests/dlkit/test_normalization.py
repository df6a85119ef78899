"""Batch and layer normalisation against PyTorch: values, gradients, running statistics, precision, states."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dlkit
from dlkit import nn
from dlkit.nn import functional as F

from .parity import relative_error

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
SHAPES = [
    (4, 3),
    (2, 1),
    (5, 2, 1),
    (2, 3, 4),
    (1, 2, 3),
    (3, 1, 7),
    (2, 3, 4, 5),
    (1, 3, 1, 2),
    (7, 2, 1, 1),
    (0, 3),
    (2, 3, 0),
]
MODES = list(itertools.product((True, False), (True, False), (True, False), (0.1, None), (True, False)))


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def layer_name(shape):
    return "BatchNorm2d" if len(shape) == 4 else "BatchNorm1d"


def as_torch(state):
    return {name: torch.from_numpy(value) for name, value in state.items()}


def both(name, *arguments, dtype="float64", **options):
    """The layer in both libraries, with random parameters and buffers and the same state."""
    ours = getattr(nn, name)(*arguments, dtype=getattr(dlkit, dtype), **options)
    theirs = getattr(torch.nn, name)(*arguments, dtype=getattr(torch, dtype), **options)
    rng = np.random.default_rng(7)
    for tensor in (*ours.parameters(), *(b for b in ours.buffers() if b.ndim)):
        tensor.data[...] = 0.5 + rng.random(tensor.shape)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(as_torch(ours.state_dict()))
    return ours, theirs


def compare(ours, theirs, array, tolerance=1e-9):
    """Output, gradients and state after one step agree; returns the worst error."""
    inputs = dlkit.from_numpy(array).requires_grad_(), torch.from_numpy(array).requires_grad_()
    outputs = ours(inputs[0]), theirs(inputs[1])
    g = normal(*array.shape, seed=99).astype(array.dtype)
    for t, y in zip((dlkit, torch), outputs, strict=True):
        y.backward(t.from_numpy(g))
    pairs = [
        outputs,
        *((x.grad, y.grad) for x, y in [inputs, *zip(ours.parameters(), theirs.parameters(), strict=True)]),
    ]
    errors = [relative_error(x.detach().numpy(), y.detach().numpy()) for x, y in pairs]
    state = theirs.state_dict()
    errors += [relative_error(value, state[name].numpy()) for name, value in ours.state_dict().items()]
    assert outputs[0].dtype == array.dtype and all(p.grad.dtype == array.dtype for p in ours.parameters())
    assert max(errors) <= tolerance
    return max(errors)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm(shape, dtype):
    for affine, tracked, bias, momentum, train in MODES:
        if bias or affine:
            options = {
                "affine": affine,
                "track_running_stats": tracked,
                "momentum": momentum,
                "bias": bias,
                "eps": 1e-2,
            }
            ours, theirs = both(layer_name(shape), shape[1], dtype=dtype, **options)
            for step in range(3):  # running statistics move three times
                x = 3 * normal(*shape, seed=step) + 1
                ours.zero_grad(), theirs.zero_grad()
                compare(ours.train(train), theirs.train(train), x.astype(dtype), TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("shape", "inner"),
    [((4, 3), 3), ((3,), (3,)), ((2, 5, 3), (3,)), ((2, 5, 3), (5, 3)), ((2, 5, 3), (2, 5, 3)), ((2, 3, 4, 5), (4, 5)),
     ((0, 3), 3), ((2, 0, 3), 3), ((1, 1, 2), (1, 2))],
    ids=str,
)  # fmt: skip
def test_layer_norm(shape, inner, dtype):
    for affine, bias in ((True, True), (True, False), (False, True)):
        options = {"elementwise_affine": affine, "bias": bias, "eps": 1e-2}
        compare(
            *both("LayerNorm", inner, dtype=dtype, **options), normal(*shape).astype(dtype) * 2 + 1, TOLERANCE[dtype]
        )


@pytest.mark.parametrize("make", [lambda a: a.transpose(3, 1, 2, 0), lambda a: a[::2, ::-1], lambda a: a[..., 1::2]])
def test_memory_order_does_not_matter(make):
    x = make(normal(4, 6, 4, 4))
    compare(*both("BatchNorm2d", x.shape[1]), np.ascontiguousarray(x))
    ours = [
        layer(dlkit.from_numpy(a))
        for a in (x, np.ascontiguousarray(x))
        for layer in (nn.BatchNorm2d(x.shape[1], dtype=float),)
    ]
    np.testing.assert_allclose(ours[0].detach().numpy(), ours[1].detach().numpy(), rtol=1e-12, atol=1e-12)
    y = [nn.LayerNorm(x.shape[2:], dtype=float)(dlkit.from_numpy(a)).detach().numpy() for a in (x, x.copy())]
    np.testing.assert_allclose(*y, rtol=1e-12, atol=1e-12)


@given(offset=st.floats(-1e6, 1e6), scale=st.floats(1e-3, 1e3))
def test_output_has_mean_0_and_variance_1(offset, scale):
    x = normal(50, 2, 8) * scale + offset
    y = F.batch_norm(dlkit.tensor(x), None, None, training=True, eps=0.0).numpy()
    np.testing.assert_allclose(y.mean((0, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.var((0, 2)), 1, rtol=1e-6)
    z = F.layer_norm(dlkit.tensor(x), (2, 8), eps=0.0).numpy()
    np.testing.assert_allclose(z.mean((1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(z.var((1, 2)), 1, rtol=1e-6)


@pytest.mark.parametrize("offset", [0, 1e3, 1e5, -1e6])
def test_float32_far_from_zero_keeps_its_digits(offset):
    """Against the same numbers in float64: neither the mean nor the variance may cancel."""
    x = (normal(64, 2, 30, 30) * 10 + offset).astype("float32")
    exact = [
        F.batch_norm(dlkit.tensor(x).double(), None, None, training=True),
        F.layer_norm(dlkit.tensor(x).double(), (30, 30)),
    ]
    found = [F.batch_norm(dlkit.tensor(x), None, None, training=True), F.layer_norm(dlkit.tensor(x), (30, 30))]
    for y, z in zip(found, exact, strict=True):
        assert y.dtype == dlkit.float32
        assert relative_error(y.numpy(), z.numpy()) < 1e-6


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e18])
def test_huge_and_tiny_float32(scale):
    x = (normal(6, 3, 4) * scale).astype("float32")
    compare(*both("BatchNorm1d", 3, track_running_stats=False, dtype="float32"), x, 1e-4)
    exact = F.layer_norm(dlkit.tensor(x).double(), (4,)).numpy()
    assert relative_error(F.layer_norm(dlkit.tensor(x), (4,)).numpy(), exact) < 1e-6


def test_one_value_in_a_sample_is_its_own_mean():
    layer, x = nn.LayerNorm(1, dtype=float), dlkit.tensor(normal(4, 1), requires_grad=True)
    nn.init.constant_(layer.bias, 3.0)
    y = layer(x)
    y.sum().backward()
    assert y.tolist() == [[3.0]] * 4 and not x.grad.numpy().any() and layer.weight.grad.tolist() == [0.0]


def test_infinity_and_nan_stay_in_their_channel():
    x = normal(4, 3)
    x[1, 0], x[2, 1] = np.inf, np.nan
    ours, theirs = (
        F.batch_norm(dlkit.tensor(x), None, None, training=True),
        torch.nn.BatchNorm1d(3, dtype=float)(torch.tensor(x)),
    )
    assert relative_error(ours.numpy(), theirs.detach().numpy()) <= 1e-9
    assert np.isfinite(ours.numpy()[:, 2]).all()


def test_no_variance_and_no_eps_is_nan_without_a_warning():
    assert np.isnan(F.layer_norm(dlkit.ones(2, 3), (3,), eps=0.0).numpy()).all()


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_running_statistics_by_hand(momentum):
    layer, mean, var = nn.BatchNorm1d(2, momentum=momentum, dtype=float), np.zeros(2), np.ones(2)
    for step in range(1, 6):
        x = normal(10, 2, 3, seed=step)
        layer(dlkit.tensor(x))
        rate = 1 / step if momentum is None else momentum
        mean, var = mean + rate * (x.mean((0, 2)) - mean), var + rate * (x.var((0, 2), ddof=1) - var)
        np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-12)
        np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-12)
        assert layer.num_batches_tracked.item() == step and layer.num_batches_tracked.dtype == dlkit.int64
    before = layer.state_dict()
    layer.eval()(dlkit.tensor(normal(10, 2)))
    assert all((before[name] == value).all() for name, value in layer.state_dict().items())


def test_a_refused_batch_changes_nothing():
    layer = nn.BatchNorm1d(3)
    before = layer.state_dict()
    for bad in (dlkit.ones(1, 3), dlkit.ones(4, 2), dlkit.ones(4, 3).double(), dlkit.ones(3)):
        with pytest.raises((ValueError, TypeError)):
            layer(bad)
    assert all((before[name] == value).all() for name, value in layer.state_dict().items())


def test_in_training_statistics_do_not_depend_on_the_running_ones():
    x, layer = dlkit.tensor(normal(5, 3)), nn.BatchNorm1d(3, dtype=float)
    assert layer(x).tolist() == layer(x).tolist()
    assert nn.BatchNorm1d(3, track_running_stats=False, dtype=float).eval()(x).tolist() == layer(x).tolist()


def test_changing_the_output_in_place_does_not_spoil_the_gradient():
    x = dlkit.tensor(normal(5, 3), requires_grad=True)
    y = F.batch_norm(x, None, None, training=True)
    with dlkit.no_grad():
        y.data *= 100
    (g,) = dlkit.grad((y * dlkit.tensor(normal(5, 3, seed=2))).sum(), x)
    z = torch.tensor(normal(5, 3), requires_grad=True)
    torch.nn.functional.batch_norm(z, None, None, training=True).backward(torch.tensor(normal(5, 3, seed=2)))
    assert relative_error(g.numpy(), z.grad.numpy()) <= 1e-9


def test_two_sweeps_through_one_graph():
    x, w = dlkit.tensor(normal(5, 3), requires_grad=True), dlkit.ones(3, dtype=float, requires_grad=True)
    y, g = F.layer_norm(x, (3,), w), dlkit.tensor(normal(5, 3, seed=1))
    first = dlkit.grad(y, (x, w), g, retain_graph=True)
    g.data *= 2
    second = dlkit.grad(y, (x, w), g)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(2 * a.numpy(), b.numpy(), rtol=1e-12, atol=1e-15)


REPRS = [
    "BatchNorm1d(3)",
    "BatchNorm2d(3, eps=0.1, momentum=None, affine=False)",
    "BatchNorm1d(2, bias=False, track_running_stats=False)",
    "LayerNorm(3)",
    "LayerNorm((3, 2), eps=0.1, bias=False)",
    "LayerNorm([2], elementwise_affine=False)",
]


@pytest.mark.parametrize("call", REPRS)
def test_repr_start_and_state_are_pytorchs(call):
    ours, theirs = eval(call, vars(nn).copy()), eval(call, vars(torch.nn).copy())
    assert repr(ours) == repr(theirs)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for name, value in ours.state_dict().items():
        assert value.tolist() == state[name].tolist() and str(value.dtype) == str(state[name].dtype).removeprefix(
            "torch."
        )
    assert [name for name, _ in ours.named_buffers()] == [name for name, _ in theirs.named_buffers()]
    assert len(list(ours.buffers())) == len(list(theirs.buffers()))
    ours.load_state_dict({name: value.numpy() + 2 for name, value in state.items()})
    theirs.load_state_dict(as_torch(ours.state_dict()))


LIBRARIES = pytest.mark.parametrize("t", [dlkit, torch], ids=["dlkit", "torch"])


@LIBRARIES
def test_buffers_of_a_module(t):
    model = t.nn.Sequential(
        t.nn.BatchNorm1d(2, affine=False), t.nn.Linear(2, 2), t.nn.BatchNorm1d(2, track_running_stats=False)
    )
    names = ["0.running_mean", "0.running_var", "0.num_batches_tracked"]
    assert [name for name, _ in model.named_buffers()] == names and len(list(model.buffers())) == 3
    assert [name for name, _ in model.named_children()] == ["0", "1", "2"]
    assert set(model.state_dict()) == {*names, "1.weight", "1.bias", "2.weight", "2.bias"}
    assert model[2].running_mean is None and model[2].num_batches_tracked is None


@LIBRARIES
def test_a_buffer_may_be_none(t):
    module = t.nn.Module()
    module.register_buffer("late", None)
    assert module.late is None and not module.state_dict() and not list(module.buffers())
    module.late = t.ones(2)
    assert list(module.state_dict()) == ["late"]
    module.late = None
    module.late = t.zeros(2)
    assert list(module.state_dict()) == ["late"]
    module.again = module.late
    module.register_buffer("shared", module.late)
    assert [name for name, _ in module.named_buffers()] == ["late"]
    assert list(module.state_dict()) == ["late", "shared"]


def test_many_samples_in_float32_far_from_zero():
    """Without images there is no pairwise sum along the last dimension to lean on."""
    x = (normal(200_000, 2) + 100).astype("float32")
    layer = nn.BatchNorm1d(2, momentum=1.0)
    y = layer(dlkit.tensor(x)).detach().numpy()
    exact = x.astype(float)
    assert relative_error(y, (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5)) < 1e-6
    np.testing.assert_allclose(layer.running_var.numpy(), exact.var(0, ddof=1), rtol=1e-6)


def test_values_that_a_derivative_needs_are_watched():
    x, weight = dlkit.ones(4, 3), dlkit.ones(3, requires_grad=True)
    x.requires_grad_()
    y = F.layer_norm(x, (3,), weight).sum()
    with dlkit.no_grad():
        weight += 1
    with pytest.raises(RuntimeError, match="'normalize' needs the values of a tensor of shape \\(3,\\)"):
        y.backward()
    layer = nn.BatchNorm1d(3)
    pending = (x * layer.running_mean).sum()
    layer(dlkit.rand(4, 3))
    with pytest.raises(RuntimeError, match="changed in place"):
        pending.backward()
