"""Optimizers: fifty steps as torch.optim takes them, parameter groups, bad settings."""

import itertools

import numpy as np
import pytest
import torch

import dlkit
from dlkit import optim

from .parity import relative_error

STEPS = 50


def trajectory(t, make):
    """All values of two parameters on a non-quadratic valley; a third parameter never gets a gradient."""
    rng = np.random.default_rng(0)
    matrix, vector, idle = (t.from_numpy(rng.normal(size=s)).requires_grad_() for s in ((3, 2), (3,), (2,)))
    data = t.from_numpy(rng.normal(size=(7, 3)))
    optimizer = make(t.optim, [matrix, vector, idle])
    path = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = t.tanh(data * vector @ matrix).sum(1).exp().mean() + (vector**4).sum() + (matrix * matrix).mean()
        if step == 20:
            loss = (matrix**2).sum()  # once, vector has no gradient: its state must wait
        loss.backward()
        optimizer.step()
        path.append([x.detach().numpy().copy() for x in (matrix, vector, idle)])
    assert (path[-1][2] == path[0][2]).all()
    return path


def compare(make):
    ours, theirs = trajectory(dlkit, make), trajectory(torch, make)
    assert np.abs(theirs[-1][0] - theirs[0][0]).max() > 1e-3  # it did move
    assert (
        max(relative_error(x, y) for a, b in zip(ours, theirs, strict=True) for x, y in zip(a, b, strict=True)) <= 1e-10
    )


@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize(
    ("momentum", "dampening", "nesterov"),
    [
        *itertools.product((0, 0.5, 0.9), (0, 0.3), (False,)),
        (0.5, 0, True),
        (0.9, 0, True),
    ],
)
def test_sgd(momentum, dampening, nesterov, weight_decay):
    settings = dict(momentum=momentum, dampening=dampening, nesterov=nesterov, weight_decay=weight_decay)
    compare(lambda o, p: o.SGD(p, lr=0.02, **settings))


@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("eps", [1e-8, 1e-2])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.0), (0.0, 0.99)])
def test_adam(betas, eps, weight_decay):
    compare(lambda o, p: o.Adam(p, lr=0.02, betas=betas, eps=eps, weight_decay=weight_decay))


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_defaults(name):
    compare(lambda o, p: getattr(o, name)(p))
    x = [t.ones(1, requires_grad=True) for t in (dlkit, torch)]
    ours, theirs = (getattr(t.optim, name)([v]).param_groups[0] for t, v in zip((dlkit, torch), x, strict=True))
    assert all(theirs[key] == value for key, value in ours.items() if key != "params")


@pytest.mark.parametrize(
    "make",
    [
        lambda o, p: o.SGD([{"params": p[:1], "lr": 0.05}, {"params": p[1:], "momentum": 0.9}], lr=0.01),
        lambda o, p: o.Adam([{"params": p[0]}, {"params": p[1:], "betas": (0.5, 0.5), "lr": 0.1}], lr=0.01),
    ],
)
def test_parameter_groups(make):
    compare(make)


def test_setting_changed_between_steps():
    def change(o, p):
        optimizer = o.SGD(p, lr=0.01, momentum=0.5)
        step = optimizer.step

        def slower():
            step()
            optimizer.param_groups[0]["lr"] *= 0.9

        optimizer.step = slower
        return optimizer

    compare(change)


def test_one_parameter_or_a_generator():
    model = dlkit.nn.Linear(2, 1)
    assert len(optim.SGD(model.parameters()).param_groups[0]["params"]) == 2
    assert len(optim.SGD(model.weight).param_groups[0]["params"]) == 1


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_parameters_change_in_place_and_stay_float32(name):
    x = dlkit.ones(2, requires_grad=True)
    memory = x.data
    optimizer = getattr(optim, name)([x], lr=np.float64(0.1), weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (x * x).sum().backward()
        optimizer.step()
    assert x.data is memory and memory.dtype == np.float32 and memory[0] < 1


def test_step_between_forward_and_backward_is_caught():
    x = dlkit.ones(2, requires_grad=True)
    optimizer = optim.SGD([x])
    first, second = (x * x).sum(), (x * x * 2).sum()
    first.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        second.backward()


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
def test_step_leaves_the_gradient_alone(settings):
    x = dlkit.ones(2, requires_grad=True)
    optimizer = optim.SGD([x], **settings)
    (x * 3).sum().backward()
    for _ in range(3):
        optimizer.step()
    assert x.grad.tolist() == [3, 3]


def test_zero_grad_forgets():
    x = dlkit.ones(2, requires_grad=True)
    x.sum().backward()
    optim.Adam([x]).zero_grad()
    assert x.grad is None


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SGD", {"lr": -1.0}),
        ("SGD", {"lr": float("nan")}),
        ("SGD", {"momentum": -0.1}),
        ("SGD", {"weight_decay": -0.1}),
        ("SGD", {"nesterov": True}),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        ("Adam", {"lr": -1.0}),
        ("Adam", {"eps": -1.0}),
        ("Adam", {"betas": (1.0, 0.9)}),
        ("Adam", {"betas": (0.9, -0.1)}),
        ("Adam", {"weight_decay": -0.1}),
    ],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_bad_settings(name, settings, grouped):
    x = dlkit.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match=next(iter(settings)) if len(settings) == 1 else "nesterov"):
        getattr(optim, name)([{"params": [x], **settings}]) if grouped else getattr(optim, name)([x], **settings)


def test_own_optimizer():
    class Sign(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr, "weight_decay": 0})

        def change(self, g, state, group):
            return group["lr"] * np.sign(g)

    x = dlkit.tensor([1.0, -3.0], requires_grad=True)
    optimizer = Sign([x], 0.5)
    (x * x).sum().backward()
    optimizer.step()
    assert x.tolist() == [0.5, -2.5]


def test_a_learning_rate_may_be_a_numpy_number():
    x = dlkit.ones(2, requires_grad=True)
    (x * x).sum().backward()
    dlkit.optim.SGD([x], lr=np.float32(0.25)).step()
    np.testing.assert_array_equal(x.detach().numpy(), [0.5, 0.5])
