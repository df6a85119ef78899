"""Layers, losses, initialisation and Module against torch.nn, with the same weights."""

import copy
import math

import numpy as np
import pytest
import torch

import dlkit
from dlkit import nn

from . import test_activations, test_convolution, test_losses
from .parity import relative_error

rng = np.random.default_rng(0)


def copied(ours, theirs):
    """The PyTorch module with the weights of ours."""
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in ours.state_dict().items()})
    return theirs


def assert_same(ours, theirs, tolerance=1e-10):
    assert relative_error(ours.detach().numpy(), theirs.detach().numpy()) <= tolerance


def compare(make, *arrays):
    """Output, gradients of the floating-point inputs and gradients of the parameters agree."""
    ours = make(nn)
    theirs = copied(ours, make(torch.nn))
    inputs = [[t.from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in arrays] for t in (dlkit, torch)]
    outputs = ours(*inputs[0]), theirs(*inputs[1])
    assert_same(*outputs)
    weight = np.random.default_rng(1).normal(size=outputs[0].shape)
    for t, output in zip((dlkit, torch), outputs, strict=True):
        (output * t.from_numpy(np.asarray(weight))).sum().backward()
    for x, y in [*zip(*inputs, strict=True), *zip(ours.parameters(), theirs.parameters(), strict=True)]:
        if x.requires_grad:
            assert_same(x.grad, y.grad)


# --- layers and losses --------------------------------------------------------------------------------------------

LAYERS = {  # name: (module in either library, shape of its input)
    "linear": (lambda n: n.Linear(3, 4), (5, 3)),
    "linear of a vector": (lambda n: n.Linear(3, 4), (3,)),
    "linear of a stack": (lambda n: n.Linear(3, 4), (2, 5, 3)),
    "linear of no samples": (lambda n: n.Linear(3, 4), (0, 3)),
    "linear without bias": (lambda n: n.Linear(3, 4, bias=False), (5, 3)),
    "linear, one to one": (lambda n: n.Linear(1, 1), (5, 1)),
    "identity": (lambda n: n.Identity(), (5, 3)),
    "flatten": (lambda n: n.Flatten(), (2, 3, 4, 5)),
    "flatten some": (lambda n: n.Flatten(1, 2), (2, 3, 4, 5)),
    "flatten from 0": (lambda n: n.Flatten(0, -2), (2, 3, 4)),
    "relu": (lambda n: n.ReLU(), (5, 3)),
    "leaky relu": (lambda n: n.LeakyReLU(), (5, 3)),
    "leaky relu, slope": (lambda n: n.LeakyReLU(0.3), (5, 3)),
    "sigmoid": (lambda n: n.Sigmoid(), (5, 3)),
    "tanh": (lambda n: n.Tanh(), (5, 3)),
    "softmax": (lambda n: n.Softmax(dim=1), (5, 3)),
    "softmax of columns": (lambda n: n.Softmax(dim=0), (5, 3)),
    "log softmax": (lambda n: n.LogSoftmax(dim=-1), (5, 3)),
    "dropout in evaluation": (lambda n: n.Dropout(0.5).eval(), (5, 3)),
    "dropout of nothing": (lambda n: n.Dropout(0.0), (5, 3)),
    "dropout of everything": (lambda n: n.Dropout(1.0), (5, 3)),
    "two layers": (lambda n: n.Sequential(n.Linear(3, 8), n.Tanh(), n.Linear(8, 2)), (5, 3)),
    "nested": (
        lambda n: n.Sequential(n.Flatten(), n.Sequential(n.Linear(6, 4), n.ReLU()), n.Linear(4, 2, bias=False)),
        (5, 2, 3),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, float64):
    make, shape = LAYERS[name]
    compare(make, rng.normal(size=shape))


CLASSES = np.array([2, 0, 1, 2, 2])
PROBABILITIES = rng.dirichlet(np.ones(3), 5)
INSIDE = rng.uniform(0.05, 0.95, (5, 3))
LOSSES = {
    "MSELoss": [(rng.normal(size=(5, 3)), rng.normal(size=(5, 3))), (np.array(1.5), np.array(2.0))],
    "BCELoss": [(INSIDE, (INSIDE > 0.4) + 0.0), (INSIDE, INSIDE**2)],
    "BCEWithLogitsLoss": [(rng.normal(size=(5, 3)), INSIDE), (rng.normal(size=(5, 3)) * 300, (INSIDE > 0.4) + 0.0)],
    "NLLLoss": [(np.log(PROBABILITIES), CLASSES)],
    "CrossEntropyLoss": [
        (rng.normal(size=(5, 3)), CLASSES),
        (rng.normal(size=(5, 3)) * 300, CLASSES),
        (rng.normal(size=(5, 3)), PROBABILITIES),
        (rng.normal(size=(5, 3)), np.eye(3)[CLASSES]),
    ],
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "case"), [(name, i) for name, cases in LOSSES.items() for i in range(len(cases))])
def test_loss(name, case, reduction, float64):
    compare(lambda n: getattr(n, name)(reduction=reduction), *LOSSES[name][case])


@pytest.mark.parametrize("name", LOSSES)
def test_loss_averages_by_default(name):
    assert getattr(nn, name)().reduction == getattr(torch.nn, name)().reduction == "mean"


def test_binary_cross_entropy_at_the_ends():
    p, target = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    x, y = (t.from_numpy(p.copy()).requires_grad_() for t in (dlkit, torch))
    ours = nn.functional.binary_cross_entropy(x, dlkit.from_numpy(target), reduction="none")
    theirs = torch.nn.functional.binary_cross_entropy(y, torch.from_numpy(target), reduction="none")
    assert ours.tolist() == theirs.tolist() == [0, 100, 100, 0]
    ours.sum().backward()
    theirs.sum().backward()
    assert_same(x.grad, y.grad, 1e-8)  # PyTorch's limit of 1e-12 is rounded to float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e30])
def test_extreme_logits_give_finite_losses(scale, dtype):
    x = dlkit.tensor(np.array([[scale, -scale], [-scale, scale]], dtype), requires_grad=True)
    zero_one = dlkit.tensor(np.array([[1, 0], [1, 0]], dtype))
    for loss in (nn.CrossEntropyLoss()(x, dlkit.tensor([0, 0])), nn.BCEWithLogitsLoss()(x, zero_one)):
        loss.backward()
        assert math.isfinite(loss.item()) and loss.dtype == getattr(dlkit, dtype)
        assert np.isfinite(x.grad.data).all()
    assert np.isclose(nn.CrossEntropyLoss()(x, dlkit.tensor([0, 0])).item(), scale)


class TestDropout:
    def test_statistics(self):
        x = dlkit.ones(200, 500)
        y = nn.Dropout(0.3)(x)
        assert abs((y == 0).float().mean().item() - 0.3) < 0.01
        assert abs(y.mean().item() - 1) < 0.01
        np.testing.assert_allclose(np.unique(y.data), [0, 1 / 0.7], rtol=1e-6)
        assert y.dtype == dlkit.float32

    def test_gradient_uses_the_same_mask(self):
        x = dlkit.full((1000,), 2.0, requires_grad=True)
        y = nn.Dropout(0.5)(x)
        y.sum().backward()
        np.testing.assert_allclose(x.grad.data, y.data / 2)

    def test_seed_and_mode(self):
        layer, x = nn.Dropout(), dlkit.ones(100)
        outputs = [(dlkit.manual_seed(seed), layer(x).tolist())[1] for seed in (1, 1, 2)]
        assert outputs[0] == outputs[1] != outputs[2]
        assert layer.eval()(x) is x


# --- initial values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fan_in", "fan_out"), [(400, 300), (10, 5000), (5000, 10)])
def test_linear_starts_as_in_pytorch(fan_in, fan_out):
    ours, theirs = nn.Linear(fan_in, fan_out), torch.nn.Linear(fan_in, fan_out)
    bound = 1 / math.sqrt(fan_in)
    for x, y in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert x.shape == tuple(y.shape) and x.dtype == dlkit.float32
        for values in (x.data, y.detach().numpy()):
            assert np.abs(values).max() <= bound * 1.000001
            if values.size >= 300:
                assert np.abs(values).max() > 0.97 * bound
                assert np.isclose(values.var(), bound**2 / 3, rtol=0.15 if values.size < 10_000 else 0.03)


INITS = {
    "uniform_": [{}, {"a": -2.0, "b": 3.0}],
    "normal_": [{}, {"mean": 1.0, "std": 0.2}],
    "xavier_uniform_": [{}, {"gain": 2.0}],
    "xavier_normal_": [{}, {"gain": 5 / 3}],
    "kaiming_uniform_": [{}, {"nonlinearity": "relu"}, {"a": math.sqrt(5)}, {"mode": "fan_out"}],
    "kaiming_normal_": [{}, {"nonlinearity": "relu", "mode": "fan_out"}, {"a": 0.2}, {"nonlinearity": "tanh"}],
}


@pytest.mark.parametrize("shape", [(300, 200), (50, 40, 5, 5)])
@pytest.mark.parametrize(("name", "case"), [(name, i) for name, cases in INITS.items() for i in range(len(cases))])
def test_init_has_the_distribution_of_pytorch(name, case, shape):
    ours, theirs = dlkit.zeros(*shape), torch.zeros(*shape)
    assert getattr(nn.init, name)(ours, **INITS[name][case]) is ours
    getattr(torch.nn.init, name)(theirs, **INITS[name][case])
    x, y = ours.data, theirs.numpy()
    assert np.isclose(x.std(), y.std(), rtol=0.02)
    assert np.isclose(x.mean(), y.mean(), atol=0.02 * y.std())
    if "uniform" in name:
        assert np.allclose([x.min(), x.max()], [y.min(), y.max()], atol=0.02 * y.std())
    else:
        assert np.isclose((np.abs(x - x.mean()) < x.std()).mean(), 0.6827, atol=0.01)  # as of a normal variable


@pytest.mark.parametrize(
    ("name", "arguments", "value"), [("zeros_", (), 0), ("ones_", (), 1), ("constant_", (0.25,), 0.25)]
)
def test_constant_init(name, arguments, value):
    layer = nn.Linear(3, 2)
    filled = getattr(nn.init, name)(layer.weight, *arguments)
    assert filled is layer.weight and filled.requires_grad and filled.is_leaf
    assert (filled == value).sum().item() == 6


@pytest.mark.parametrize("shape", [(7, 3), (8, 4, 3, 3), (1, 1), (5, 2, 3)])
def test_fans(shape):
    assert nn.init._fans("x", dlkit.zeros(*shape)) == torch.nn.init._calculate_fan_in_and_fan_out(torch.zeros(*shape))


@pytest.mark.parametrize(
    "arguments",
    [
        ("linear",),
        ("sigmoid",),
        ("tanh",),
        ("relu",),
        ("selu",),
        ("leaky_relu",),
        ("leaky_relu", 0.2),
        ("leaky_relu", 0),
    ],
)
def test_gain(arguments):
    assert nn.init.calculate_gain(*arguments) == pytest.approx(torch.nn.init.calculate_gain(*arguments), rel=1e-15)


# --- Module -------------------------------------------------------------------------------------------------------


def network(library):
    """The same network in either library, with a parameter, a buffer and modules in a list."""

    class Network(library.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = library.nn.Parameter(library.ones(3))
            self.register_buffer("offset", library.zeros(3))
            self.layers = library.nn.ModuleList([library.nn.Linear(3, 4), library.nn.Linear(4, 3)])
            self.drop = library.nn.Dropout(0.5)
            self.constant = 3

        def forward(self, x):
            for layer in self.layers:
                x = library.tanh(layer(x))
            return x * self.scale + self.offset

    return Network()


LIBRARIES = pytest.mark.parametrize("t", [dlkit, torch], ids=["dlkit", "torch"])  # the same must hold in both


@LIBRARIES
class TestModule:
    def test_names(self, t):
        model = network(t)
        parameters = ["scale", "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
        assert [name for name, _ in model.named_parameters()] == parameters
        assert set(model.state_dict()) == {*parameters, "offset"}
        assert [name for name, _ in model.named_modules()] == ["", "layers", "layers.0", "layers.1", "drop"]
        assert len(list(model.children())) == 2
        assert len(list(model.modules())) == 5

    def test_shared_parameters_are_listed_once(self, t):
        layer = t.nn.Linear(2, 2)
        assert len(list(t.nn.Sequential(layer, t.nn.ReLU(), layer).parameters())) == 2

    def test_reassigning(self, t):
        model = network(t)
        model.scale = t.nn.Parameter(t.zeros(3))
        model.offset = t.ones(3)
        model.drop = t.nn.Identity()
        model.constant = t.nn.Linear(1, 1)
        assert [n for n, _ in model.named_parameters()][-2:] == ["constant.weight", "constant.bias"]
        assert float(model.state_dict()["offset"].sum()) == 3
        assert isinstance(model.constant, t.nn.Linear)
        assert model(t.ones(2, 3)).tolist() == [[1, 1, 1]] * 2

    def test_missing_attribute(self, t):
        with pytest.raises(AttributeError, match="has no attribute 'bogus'"):
            network(t).bogus  # noqa: B018

    def test_modes(self, t):
        model = network(t)
        assert model.training and model.drop.training
        assert model.eval() is model
        assert not any(m.training for m in model.modules())
        assert all(m.training for m in model.train().modules())

    def test_zero_grad_and_requires_grad(self, t):
        model = network(t)
        model(t.ones(2, 3)).sum().backward()
        assert all(p.grad is not None for p in model.parameters())
        model.zero_grad()
        assert all(p.grad is None for p in model.parameters())
        assert model.requires_grad_(False) is model
        assert not model(t.ones(2, 3)).requires_grad

    def test_apply(self, t):
        seen = []
        model = network(t)
        assert model.apply(lambda m: seen.append(type(m).__name__)) is model
        assert seen == ["Linear", "Linear", "ModuleList", "Dropout", "Network"]

    def test_parameter(self, t):
        data = t.zeros(2)
        parameter = t.nn.Parameter(data)
        assert parameter.requires_grad and parameter.is_leaf and isinstance(parameter, t.Tensor)
        assert not t.nn.Parameter(data, requires_grad=False).requires_grad
        assert repr(parameter).startswith("Parameter containing:\ntensor([0., 0.]")

    def test_forward_is_missing(self, t):
        with pytest.raises(NotImplementedError):
            t.nn.Module()(1)

    def test_sequential(self, t):
        n = t.nn
        model = n.Sequential(n.Linear(2, 3), n.ReLU(), n.Linear(3, 1))
        assert len(model) == 3 and model[1] is list(model)[1] and model[-1].out_features == 1
        part = model[:2]
        assert isinstance(part, n.Sequential) and len(part) == 2 and part[0] is model[0]
        assert part(t.ones(4, 2)).shape == (4, 3)
        model.append(n.Sigmoid())
        assert len(model) == 4 and model(t.ones(4, 2)).shape == (4, 1)

    def test_module_list(self, t):
        layers = t.nn.ModuleList(t.nn.Linear(i, i + 1) for i in (1, 2))
        layers.append(t.nn.Linear(3, 4))
        assert [layer.in_features for layer in layers] == [1, 2, 3] and len(layers) == 3
        assert len(list(layers.parameters())) == 6

    def test_state_is_copied_in(self, t):
        first, second = network(t), network(t)
        second.load_state_dict(first.state_dict())
        assert second(t.ones(1, 3)).tolist() == first(t.ones(1, 3)).tolist()
        with t.no_grad():
            first.scale += 1
        assert second.scale.tolist() == [1, 1, 1]


def test_state_dict_holds_copies_and_is_copied_in():
    model = network(dlkit)
    state = {name: value.astype(np.float64) for name, value in model.state_dict().items()}
    memory = model.scale.data
    model.scale.data += 1
    assert state["scale"].tolist() == [1, 1, 1]
    model.load_state_dict(state)
    state["scale"] += 5
    assert model.scale.data is memory and model.scale.tolist() == [1, 1, 1] and model.scale.dtype == dlkit.float32


def test_state_goes_to_pytorch_and_back(float64):
    ours, theirs = network(dlkit), network(torch)
    copied(ours, theirs)
    x = rng.normal(size=(2, 3))
    assert_same(ours(dlkit.tensor(x)), theirs(torch.tensor(x)))
    with torch.no_grad():
        theirs.scale.fill_(3)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert_same(ours(dlkit.tensor(x)), theirs(torch.tensor(x)))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s: s.pop("scale"), KeyError, r"missing \['scale'\], unexpected \[\]"),
        (lambda s: s.update(extra=1), KeyError, r"missing \[\], unexpected \['extra'\]"),
        (
            lambda s: s.update({"layers.1.bias": np.zeros(5)}),
            ValueError,
            r"layers.1.bias has shape \(5,\), expected \(3,\)",
        ),
    ],
)
def test_state_that_does_not_fit_changes_nothing(change, error, message):
    model = network(dlkit)
    before, state = model.state_dict(), {name: value + 1 for name, value in model.state_dict().items()}
    change(state)
    with pytest.raises(error, match=message):
        model.load_state_dict(state)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_missing_super_init_is_named():
    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"Forgetful: call super\(\).__init__\(\) before assigning layer"):
        Forgetful()


@pytest.mark.parametrize(
    "make",
    [
        lambda n: n.Linear(3, 4),
        lambda n: n.Linear(3, 4, bias=False),
        lambda n: n.ReLU(),
        lambda n: n.LeakyReLU(0.2),
        lambda n: n.Sigmoid(),
        lambda n: n.Tanh(),
        lambda n: n.Flatten(),
        lambda n: n.Identity(),
        lambda n: n.Softmax(dim=1),
        lambda n: n.LogSoftmax(dim=-1),
        lambda n: n.MSELoss(),
        lambda n: n.CrossEntropyLoss(),
        lambda n: n.Sequential(),
        lambda n: n.Sequential(n.Linear(2, 3), n.Sequential(n.Tanh(), n.Linear(3, 1))),
        lambda n: n.ModuleList([n.Linear(1, 2), n.ReLU()]),
    ],
)
def test_repr_is_that_of_pytorch(make):
    assert repr(make(nn)) == repr(make(torch.nn))


def test_every_layer_and_loss_is_tested():
    layers = {type(m).__name__ for make, _ in LAYERS.values() for m in make(nn).modules()}
    untested = {"Module", "ModuleList", "Parameter"}  # above, in TestModule
    untested |= {row[0] for row in test_convolution.LAYERS}
    classes = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    untested |= test_activations.MODULES.keys() | test_activations.OURS
    untested |= test_losses.MODULES.keys() | test_losses.OURS.keys()
    untested |= {"BatchNorm1d", "BatchNorm2d", "LayerNorm"}  # test_normalization
    untested |= {"Embedding", "GRUCell", "LSTMCell", "MultiheadAttention", "RNNCell"}  # test_recurrent, test_attention
    assert classes - untested == (layers | LOSSES.keys()) - untested


def test_a_shared_parameter_is_saved_under_both_names_and_trained_once():
    def tied(lib):
        model = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.Linear(2, 2))
        model[1].weight = model[0].weight
        return model

    ours, theirs = tied(dlkit), tied(torch)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert len(list(ours.parameters())) == len(list(theirs.parameters())) == 3


def test_module_in_another_dtype():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model[0].weight.requires_grad = False
    model(dlkit.randn(5, 3)).sum().backward()
    parameters, kept = list(model.parameters()), model[1].num_batches_tracked
    assert model.double() is model and model.to("cpu") is model
    assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True))
    assert {x.dtype for x in [*model.parameters(), model[1].running_mean]} == {dlkit.float64}
    assert model[1].num_batches_tracked is kept and kept.dtype == dlkit.int64
    assert not parameters[0].requires_grad and parameters[1].requires_grad and parameters[1].grad is None
    model(dlkit.randn(5, 3, dtype=dlkit.float64)).sum().backward()
    assert parameters[1].grad.dtype == dlkit.float64
    assert {x.dtype for x in model.float().parameters()} == {dlkit.float32}
    with pytest.raises(RuntimeError, match="DLKIT_DEVICE=cuda"):
        model.to("cuda")


def test_a_deep_copy_trains_apart_from_its_original():
    def step(net, x):
        net(x).square().sum().backward()
        with (dlkit if x is ours else torch).no_grad():
            for p in net.parameters():
                p -= 0.01 * p.grad

    values = rng.standard_normal((4, 3))
    ours, theirs = dlkit.tensor(values), torch.tensor(values)
    net = nn.Sequential(nn.Linear(3, 5, dtype=dlkit.float64), nn.Tanh(), nn.Linear(5, 2, dtype=dlkit.float64))
    other = copied(net, torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)).double())
    step(net, ours), step(other, theirs)
    before = net.state_dict()
    twin, twin_other = copy.deepcopy(net), copy.deepcopy(other)
    assert twin[0].weight.grad is twin_other[0].weight.grad is None
    step(twin, ours), step(twin_other, theirs)
    for (name, p), q in zip(twin.named_parameters(), twin_other.parameters()):
        assert_same(p, q)
        assert not (p.detach().numpy() == before[name]).any()
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_deep_copy_keeps_tied_weights_tied_and_refuses_what_was_computed():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = nn.Linear(2, 2)

    twin = copy.deepcopy(Tied())
    assert twin.first is twin.second and len(list(twin.parameters())) == 2
    for lib in (dlkit, torch):
        with pytest.raises(RuntimeError):
            copy.deepcopy(lib.ones(2, requires_grad=True) * 2)
