"""Activations and their modules: against torch.nn, at huge and tiny inputs, and their properties."""

import inspect
import itertools
import math
import pickle

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch

import dlkit
from dlkit import nn
from dlkit.nn import functional as F

from .parity import relative_error

rng = np.random.default_rng(0)

# name: options of the constructor ...
MODULES = {
    "CELU": [{}, {"alpha": 0.5}, {"alpha": 4}],
    "ELU": [{}, {"alpha": 0.5}, {"alpha": -1.5}],
    "GELU": [{}, {"approximate": "tanh"}],
    "Hardsigmoid": [{}],
    "Hardswish": [{}],
    "Hardtanh": [{}, {"min_val": -0.2, "max_val": 0.7}],
    "LeakyReLU": [{}, {"negative_slope": 0.25}, {"negative_slope": 2}],
    "LogSigmoid": [{}],
    "LogSoftmax": [{"dim": 1}, {"dim": -1}],
    "Mish": [{}],
    "PReLU": [{}, {"init": 1.5}, {"num_parameters": 3, "init": -0.5}],
    "ReLU": [{}],
    "ReLU6": [{}],
    "SELU": [{}],
    "SiLU": [{}],
    "Sigmoid": [{}],
    "Softmax": [{"dim": 0}, {"dim": -2}],
    "Softplus": [{}, {"beta": 2.0}, {"beta": 0.5, "threshold": 0.3}],
    "Softsign": [{}],
    "Tanh": [{}],
}
OURS = {"Swish"}
ELEMENTWISE = sorted(set(MODULES) - {"LogSoftmax", "PReLU", "Softmax"})
CASES = [(name, options) for name, cases in MODULES.items() for options in cases]


def run(t, module, array):
    """Output and gradients of the input and the parameters."""
    x = t.from_numpy(array.copy(order="K")).requires_grad_()
    y = module(x)
    (y * t.from_numpy(np.arange(1, 1 + array.size, dtype=array.dtype).reshape(array.shape))).sum().backward()
    return [y.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for p in module.parameters())]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_modules(name, options, dtype):
    ours, theirs = (getattr(t.nn, name)(**options, **parameters(name, t, dtype)) for t in (dlkit, torch))
    arrays = [
        rng.normal(size=(4, 3)),
        3 * rng.normal(size=(2, 3, 2, 2)),
        rng.normal(size=(6, 3))[::2],
        np.zeros((0, 3)),
    ]
    arrays += [np.moveaxis(rng.normal(size=(3, 2, 2)), 0, 1), rng.normal(size=(1, 3)), np.zeros((2, 3))]
    for array in arrays:
        if name == "Hardsigmoid":  # PyTorch's derivative there is 1/6 in float32, in any dtype
            expected = run(torch, lambda_module(lambda x: torch.nn.functional.relu6(x + 3) / 6), array.astype(dtype))
        else:
            theirs.zero_grad()
            expected = run(torch, theirs, array.astype(dtype))
        ours.zero_grad()
        for a, b in zip(run(dlkit, ours, array.astype(dtype)), expected, strict=True):
            assert a.dtype == dtype and relative_error(a, b) <= (1e-12 if dtype == "float64" else 1e-5)
    assert repr(ours) == repr(theirs)
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})


def parameters(name, t, dtype):
    return {"dtype": getattr(t, dtype)} if name == "PReLU" else {}


def lambda_module(function):
    module = torch.nn.Module()
    module.forward = function
    return module


@pytest.mark.parametrize("name", [*MODULES, *OURS])
def test_classes_are_like_written_ones(name):
    cls = getattr(nn, name)
    assert cls.__name__ == name and cls.__module__ == "dlkit.nn.activations"
    assert pickle.loads(pickle.dumps(cls)) is cls
    assert ":func:`dlkit.nn.functional." in cls.__doc__ and len(cls.__doc__.splitlines()) >= 3
    if name in MODULES:  # the same arguments in the same order, but dim must be given
        theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
        kept = [k for k in theirs if k not in {"self", "inplace", "device", "min_value", "max_value", "args", "kwargs"}]
        found = inspect.signature(cls).parameters
        assert list(found) == kept
        assert all(found[k].default == theirs[k].default or k == "dim" for k in kept)


def test_a_subclass_may_add_to_an_activation():
    class Doubled(nn.LeakyReLU):
        def __init__(self):
            super().__init__(0.5)

        def forward(self, input):
            return 2 * super().forward(input)

    assert Doubled()(dlkit.tensor([-1.0, 1.0])).tolist() == [-1, 2] and repr(Doubled()) == "Doubled(negative_slope=0.5)"


# --- huge and tiny inputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_huge_and_tiny_inputs_as_in_pytorch(name, dtype):
    sizes = [0.0, 1e-35, 1e-9, 20.0, 88.0, 100.0, 1e3, 1e12, *([1e150] if dtype == "float64" else [])]
    x = np.array([sign * s for sign in (1, -1) for s in sizes], dtype)
    for options in MODULES[name]:
        if name == "GELU" and options:
            x = x[abs(x) < 1e12]  # PyTorch's derivative is nan where the cube overflows
        with np.errstate(all="ignore"):
            theirs = run(torch, getattr(torch.nn, name)(**options), x)
        ours = run(dlkit, getattr(nn, name)(**options), x)
        rtol, atol = (1e-6, 1e-7) if name == "Hardsigmoid" or dtype == "float32" else (1e-11, 1e-12)
        for a, b in zip(ours, theirs, strict=True):
            assert np.isfinite(a).all()
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


# --- single functions ---------------------------------------------------------------------------------------------


def slope(function, x):
    x = dlkit.tensor(np.atleast_1d(np.asarray(x, float)), requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


def test_erf_to_the_last_digits():
    x = np.concatenate([np.linspace(-7, 7, 20001), np.logspace(-300, 1, 5001), -np.logspace(-300, 1, 5001)])
    exact = np.array([math.erf(v) for v in x])
    found = dlkit.erf(dlkit.tensor(x)).data
    assert (np.abs(found - exact) <= 1e-15 * np.abs(exact)).all()
    assert (abs(found) <= 1).all() and (dlkit.erf(dlkit.tensor(-x)).data == -found).all()
    found = dlkit.erf(dlkit.tensor(x.astype("float32"))).data
    assert found.dtype == "float32" and np.abs(found - exact).max() < 1e-6
    assert slope(dlkit.erf, [0.0, 1e200]) == [2 / math.sqrt(math.pi), 0.0]


def test_gelu_numbers(float64):
    assert abs(F.gelu(dlkit.tensor(0.7)).item() - 0.53063) < 1e-5
    x = dlkit.linspace(-2, 0, 20001)
    lowest = F.gelu(x).data.argmin()
    assert abs(x.data[lowest] + 0.7518) < 1e-4 and abs(F.gelu(x).data[lowest] + 0.1700) < 1e-4


def test_only_elu_with_alpha_1_is_smooth():
    assert slope(lambda x: F.elu(x, 0.5), [-1e-12, 1e-12]) == pytest.approx([0.5, 1.0])
    assert slope(F.elu, [-1e-12, 1e-12]) == pytest.approx([1.0, 1.0])
    assert slope(lambda x: F.celu(x, 0.5), [-1e-12, 1e-12]) == pytest.approx([1.0, 1.0])
    assert F.elu(dlkit.tensor([-1e3]), 0.5).tolist() == [-0.5]


def test_selu_with_lecun_weights_keeps_mean_and_variance():
    x = dlkit.randn(256, 256)
    with dlkit.no_grad():
        for _ in range(50):
            x = F.selu(x @ nn.init.lecun_normal_(dlkit.zeros(256, 256)).T)
    assert abs(x.mean().item()) < 0.1 and 0.8 < x.var().item() < 1.2


def test_prelu_with_a_slope_above_1_is_no_maximum():
    assert F.prelu(dlkit.tensor([-1.0, 1.0]), dlkit.tensor([1.5])).tolist() == [-1.5, 1]


def test_prelu_learns_its_slope():
    layer, x = nn.PReLU(), dlkit.linspace(-1, 1, 41)
    optimizer = dlkit.optim.SGD(layer.parameters(), 1.0)
    for _ in range(200):
        optimizer.zero_grad()
        F.mse_loss(layer(x), dlkit.where(x > 0, x, 1.5 * x)).backward()
        optimizer.step()
    assert abs(layer.weight.item() - 1.5) < 1e-3


def test_swish_from_half_to_relu(float64):
    x = dlkit.linspace(-4, 4, 801)
    np.testing.assert_allclose(F.swish(x, 0.0).data, x.data / 2)
    np.testing.assert_array_equal(F.swish(x).data, F.silu(x).data)
    assert abs(F.swish(x, 50.0).data - F.relu(x).data).max() < 0.006
    assert repr(nn.Swish(0.4)) == "Swish(beta=0.4)" and not list(nn.Swish().parameters())
    assert nn.Swish(0.4)(x).tolist() == F.swish(x, 0.4).tolist()


def test_swish_learns_a_beta_that_is_a_parameter():
    layer = nn.Swish(nn.Parameter(dlkit.tensor(1.0)))
    layer(dlkit.tensor([1.0, 2.0])).sum().backward()
    assert [name for name, _ in layer.named_parameters()] == ["beta"] and layer.beta.grad.item() > 0
    assert list(layer.state_dict()) == ["beta"] and repr(layer) == "Swish()"


# --- properties ---------------------------------------------------------------------------------------------------

NUMBERS = st.floats(-1e4, 1e4)


def of(function, *values, **options):
    return function(dlkit.tensor(list(values), dtype=dlkit.float64), **options).tolist()


@hypothesis.given(NUMBERS, st.floats(0.1, 10))
def test_softplus_and_its_mirror_differ_by_the_input(x, beta):
    there, back = of(F.softplus, x, -x, beta=beta, threshold=math.inf)
    assert math.isclose(there - back, x, abs_tol=1e-11) and there >= max(x, 0) * (1 - 1e-15)


@hypothesis.given(NUMBERS)
def test_odd_and_bounded(x):
    for function, bound in ((F.softsign, 1), (F.hardtanh, 1), (F.tanh, 1), (dlkit.erf, 1)):
        there, back = of(function, x, -x)
        assert there == -back and abs(there) <= bound
    assert math.isclose(sum(of(F.hardsigmoid, x, -x)), 1) and math.isclose(sum(of(F.sigmoid, x, -x)), 1)


@hypothesis.given(NUMBERS)
def test_gates_differ_by_the_input(x):
    for function in (F.gelu, F.silu, F.hardswish):  # x times a gate, of which g(x) + g(-x) = 1
        there, back = of(function, x, -x)
        assert math.isclose(there - back, x, abs_tol=1e-11)


@hypothesis.given(st.lists(NUMBERS, min_size=2, max_size=8))
def test_monotone(values):
    functions = [F.celu, F.elu, F.selu, F.hardsigmoid, F.hardtanh, F.logsigmoid, F.relu6, F.softplus, F.softsign]
    for function in functions:
        outputs = of(function, *sorted(values))
        assert all(a <= b for a, b in itertools.pairwise(outputs))
