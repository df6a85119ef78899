"""Optimizers: fifty steps as torch.optim takes them, parameter groups, state that is saved and loaded, bad settings."""

import inspect
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dlkit
from dlkit import optim

from .parity import relative_error

STEPS = 50
NAMES = ["SGD", "Adagrad", "RMSprop", "Adadelta", "Rprop", "Adam", "AdamW", "NAdam", "RAdam"]


@pytest.fixture(autouse=True)
def in_float64(float64):
    """PyTorch keeps the number mu_product of NAdam in the default dtype."""


def start(t, sizes=((3, 2), (3,), (), (0, 2), (2,))):
    rng = np.random.default_rng(0)
    return [t.from_numpy(np.asarray(rng.normal(size=s))).requires_grad_() for s in sizes]


def loss_of(t, parameters, step):
    """A valley that is not quadratic. Sometimes parameters get zero gradients, or none; the last never gets one."""
    matrix, vector, scalar, empty, _ = parameters
    data = t.from_numpy(np.random.default_rng(step).normal(size=(7, 3)))
    if step % 10 == 3:
        return (matrix**2).sum() + 0 * scalar  # vector has none: its state must wait
    loss = t.tanh(data * vector @ matrix).sum(1).exp().mean() + (vector**4).sum() + (matrix * matrix).mean()
    return loss + (scalar - 1) ** 2 + empty.sum()


def trajectory(t, make, steps=range(STEPS), after=lambda step, optimizer: None):
    """All values of five parameters."""
    parameters, path = start(t), []
    optimizer = make(t.optim, parameters)
    sign = -1 if optimizer.param_groups[0].get("maximize") else 1  # climbing the hill that is the valley's mirror image
    for step in steps:
        optimizer.zero_grad()
        (sign * loss_of(t, parameters, step)).backward()
        optimizer.step()
        after(step, optimizer)
        path.append([x.detach().numpy().copy() for x in parameters])
    assert (path[-1][4] == path[0][4]).all()
    return path


def compare(make, tolerance=1e-10, **options):
    ours, theirs = trajectory(dlkit, make, **options), trajectory(torch, make, **options)
    assert np.abs(theirs[-1][0] - theirs[0][0]).max() > 1e-9  # it did move
    worst = max(relative_error(x, y) for a, b in zip(ours, theirs) for x, y in zip(a, b) if x.size)
    assert worst <= tolerance


def grid(**choices):
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


DECAY = dict(weight_decay=[0, 0.1], maximize=[False, True])
BETAS = grid(betas=[(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)], eps=[1e-8, 1e-2])
BETAS += grid(betas=[(0.9, 0.0), (0.0, 0.0)], eps=[0.1])  # v = g²: a small eps would leave nothing but signs
CASES = {
    "SGD": grid(lr=[0.02], momentum=[0, 0.5, 0.9], dampening=[0, 0.3], **DECAY)
    + grid(lr=[0.02], momentum=[0.5, 0.9], nesterov=[True], **DECAY),
    "Adagrad": grid(lr=[0.1], lr_decay=[0, 0.1], initial_accumulator_value=[0, 0.5], eps=[1e-10, 0.1], **DECAY),
    "RMSprop": grid(alpha=[0.99, 0.5], eps=[1e-3, 0.1], momentum=[0, 0.9], centered=[False, True], **DECAY)
    + grid(lr=[0.01], alpha=[0.0, 1.0], eps=[0.5]),
    "Adadelta": grid(lr=[1.0, 0.1], rho=[0.9, 0.5], eps=[1e-6, 1e-2], **DECAY)
    + grid(lr=[0.01], rho=[0.0, 1.0], **DECAY),
    "Rprop": grid(
        lr=[0.01, 0.0],
        etas=[(0.5, 1.2), (0.1, 2.0)],
        step_sizes=[(1e-6, 50), (1e-3, 0.02), (0.015, 0.015)],
        maximize=[False, True],
    ),
    "Adam": [{**c, **d} for c in BETAS for d in grid(lr=[0.02], amsgrad=[False, True], **DECAY)]
    + grid(decoupled_weight_decay=[True], weight_decay=[0, 0.1], maximize=[False, True]),
    "AdamW": [{**c, **d} for c in BETAS for d in grid(lr=[0.02], weight_decay=[0, 0.1], maximize=[False, True])]
    + grid(amsgrad=[True]),
    "NAdam": [{**c, **d} for c in BETAS for d in grid(momentum_decay=[4e-3, 0.5], decoupled_weight_decay=[False, True])]
    + grid(lr=[0.02], momentum_decay=[0], decoupled_weight_decay=[False, True], **DECAY),
    "RAdam": [{**c, **d} for c in BETAS for d in grid(decoupled_weight_decay=[False, True], **DECAY)],
}


@pytest.mark.parametrize("name", NAMES)
def test_fifty_steps(name):
    for case in CASES[name]:
        compare(lambda o, p: getattr(o, name)(p, **case))  # noqa: B023


positive = st.floats(1e-4, 0.1)
beta = st.floats(0, 0.999)
betas = st.tuples(beta, beta)
SETTINGS = {
    "SGD": dict(momentum=beta, dampening=st.floats(0, 1)),
    "Adagrad": dict(lr_decay=st.floats(0, 1), initial_accumulator_value=st.floats(0, 1), eps=positive),
    "RMSprop": dict(alpha=beta, eps=st.floats(0.1, 1), momentum=beta, centered=st.booleans()),
    "Adadelta": dict(rho=beta, eps=positive),
    "Rprop": dict(etas=st.tuples(st.floats(0.1, 0.9), st.floats(1.01, 2)), step_sizes=st.just((1e-5, 0.5))),
    "Adam": dict(betas=betas, eps=st.floats(0.01, 1), amsgrad=st.booleans()),
    "AdamW": dict(betas=betas, eps=st.floats(0.01, 1), amsgrad=st.booleans()),
    "NAdam": dict(
        betas=betas, eps=st.floats(0.01, 1), momentum_decay=st.floats(0, 1), decoupled_weight_decay=st.booleans()
    ),
    "RAdam": dict(betas=betas, eps=st.floats(0.01, 1), decoupled_weight_decay=st.booleans()),
}


@pytest.mark.parametrize("name", NAMES)
def test_any_settings(name):
    decay = {} if name == "Rprop" else dict(weight_decay=st.floats(0, 0.5))
    whatever = st.fixed_dictionaries(dict(lr=positive, maximize=st.booleans(), **decay, **SETTINGS[name]))

    @settings(max_examples=8)
    @given(whatever)
    def any_settings(case):
        compare(lambda o, p: getattr(o, name)(p, **case), steps=range(12), tolerance=1e-8)

    any_settings()


@pytest.mark.parametrize("name", NAMES)
def test_defaults_and_order_are_those_of_pytorch(name):
    compare(lambda o, p: getattr(o, name)(p))
    x = [t.ones(1, requires_grad=True) for t in (dlkit, torch)]
    ours, theirs = (getattr(t.optim, name)([v]).param_groups[0] for t, v in zip((dlkit, torch), x))
    del ours["params"]
    if "decoupled_weight_decay" not in theirs:
        assert ours.pop("decoupled_weight_decay") is False
    assert ours == {key: theirs[key] for key in ours}
    assert ours.keys() | {"params", "foreach", "fused", "capturable", "differentiable"} >= theirs.keys()
    names = list(inspect.signature(getattr(torch.optim, name)).parameters)
    positional = [n for n in inspect.signature(getattr(optim, name).change).parameters][3:]
    assert positional == [n for n in names if n in positional]
    by_place = getattr(optim, name)(x[:1], *[theirs[n] for n in positional]).param_groups[0]
    assert all(by_place[key] == value for key, value in ours.items())


@pytest.mark.parametrize("name", NAMES)
def test_parameter_groups(name):
    def make(o, p):
        optimizer = getattr(o, name)([{"params": p[:1], "lr": 0.05}, {"params": p[1]}], lr=0.01)
        optimizer.add_param_group({"params": iter(p[2:]), "lr": 0.02, "maximize": True})
        return optimizer

    compare(make)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("setting", ["lr", "weight_decay", "maximize"])
def test_setting_changed_between_steps(name, setting):
    def change(step, optimizer):
        group = optimizer.param_groups[0]
        if setting in group:
            group[setting] = {"lr": 0.01 * 0.9**step, "weight_decay": step / 100, "maximize": step % 3 == 2}[setting]

    compare(lambda o, p: getattr(o, name)(p, lr=0.01), after=change)


def test_momentum_switched_on_later():
    def change(step, optimizer):
        optimizer.param_groups[0]["momentum"] = 0.9 if step > 10 else 0

    compare(lambda o, p: o.SGD(p, lr=0.01, momentum=0.5, dampening=0.5), after=change)


def test_one_parameter_or_a_generator():
    model = dlkit.nn.Linear(2, 1)
    assert len(optim.SGD(model.parameters()).param_groups[0]["params"]) == 2
    assert optim.SGD(model.weight).param_groups[0]["params"] == [model.weight]
    assert optim.SGD([{"params": model.weight}]).param_groups[0]["params"] == [model.weight]


def optimizers(**more):
    """One maker for each optimizer, with the settings that keep most state."""
    kept = {"SGD": dict(momentum=0.9), "RMSprop": dict(momentum=0.9, centered=True), "Adam": dict(amsgrad=True)}
    for name in NAMES:
        yield name, lambda p, name=name: getattr(optim, name)(p, lr=0.01, **kept.get(name, {}), **more)
    yield "Lookahead", lambda p: optim.Lookahead(optim.Adam(p, lr=0.01), k=4)


MAKERS = dict(optimizers())


@pytest.mark.parametrize("name", MAKERS)
def test_in_place_in_float32_and_the_gradient_is_left_alone(name):
    x, number = dlkit.ones(2, 2, dtype=dlkit.float32), dlkit.tensor(1.0, dtype=dlkit.float32)
    for p in (x, number):
        memory = p.requires_grad_().data
        optimizer = MAKERS[name](p)
        group = optimizer.param_groups[0]
        group.update({key: np.float64(group[key]) for key in ("lr", "weight_decay", "momentum") if key in group})
        if "weight_decay" in group:
            group["weight_decay"] = np.float64(0.1)
        for _ in range(9):
            p.grad = None
            (p * p).sum().backward()
            before = p.grad.tolist()
            optimizer.step()
            assert p.grad.tolist() == before
        assert p.data is memory and memory.dtype == np.float32 and (memory < 1).all()
        arrays = [v for v in optimizer.state[p].values() if np.shape(v) == p.shape and hasattr(v, "dtype")]
        assert all(v.dtype == np.float32 for v in arrays)


@pytest.mark.parametrize("name", NAMES)
def test_float32_follows_pytorch(name):
    paths = []
    for t in (dlkit, torch):
        p = t.from_numpy(np.linspace(-1, 1, 10, dtype=np.float32)).requires_grad_()
        optimizer = getattr(t.optim, name)([p], lr=0.01)
        for _ in range(STEPS):
            optimizer.zero_grad()
            (p**4 + p * p - p).sum().backward()
            optimizer.step()
        paths.append(p.detach().numpy())
    assert relative_error(*paths) <= 1e-4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_huge_and_tiny_gradients(name, scale):
    paths = []
    for t in (dlkit, torch):
        p = t.from_numpy(np.array([1.0, -2.0, 0.0]) * scale).requires_grad_()
        optimizer = getattr(t.optim, name)([p])
        for sign in (1, 1, 1, 1, 1, 1, -1, 1):
            optimizer.zero_grad()
            (sign * p * p).sum().backward()
            optimizer.step()
        paths.append(p.detach().numpy())
    assert np.isfinite(paths[1]).all() and relative_error(*paths) <= 1e-10


def test_centered_variance_is_never_negative():
    x = dlkit.ones(3, requires_grad=True)
    optimizer = optim.RMSprop([x], alpha=0.3, eps=1.0, centered=True)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (0.1 * x).sum().backward()
        optimizer.step()
    assert np.isfinite(x.detach().numpy()).all()


def test_rprop_minds_the_signs_of_the_tiniest_gradients():
    x = dlkit.tensor([0.0], requires_grad=True)
    optimizer = optim.Rprop([x], lr=1.0)
    for expected in (-1.0, -2.2, -3.64):  # the product of two gradients is 0 in floating point
        x.grad = dlkit.tensor([1e-300])
        optimizer.step()
        np.testing.assert_allclose(x.detach().numpy(), expected, rtol=1e-12)


def test_step_between_forward_and_backward_is_caught():
    for make in MAKERS.values():
        x = dlkit.ones(2, requires_grad=True)
        optimizer = make([x])
        first, second = (x * x).sum(), (x * x * 2).sum()
        first.backward()
        optimizer.step()
        with pytest.raises(RuntimeError, match="changed in place"):
            second.backward()


def test_zero_grad():
    x, idle = dlkit.ones(1, requires_grad=True), dlkit.ones(1, requires_grad=True)
    optimizer = optim.Adam([x, idle])
    x.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert x.grad.tolist() == [0] and idle.grad is None
    optimizer.zero_grad()
    assert x.grad is None


@pytest.mark.parametrize("name", MAKERS)
def test_closure(name):
    x = dlkit.ones(1, requires_grad=True)
    optimizer = MAKERS[name]([x])

    def closure():
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1 and x.item() < 1
    assert optimizer.step() is None


# --- state ----------------------------------------------------------------------------------------------------------


def run(optimizer, parameters, steps):
    for step in steps:
        optimizer.zero_grad()
        loss_of(dlkit, parameters, step).backward()
        optimizer.step()


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_resumed_run_is_the_same_bit_for_bit(name, stop):
    whole, first = start(dlkit), start(dlkit)
    run(MAKERS[name](whole), whole, range(20))
    optimizer = MAKERS[name](first)
    run(optimizer, first, range(stop))
    saved = optimizer.state_dict()
    second = [dlkit.tensor(p.data.copy(), requires_grad=True) for p in first]
    run(optimizer, first, range(stop, 12))  # what was saved is a copy
    other = MAKERS[name](second)
    other.param_groups[0]["lr"] = 5.0
    run(other, start(dlkit), []) if name != "Lookahead" else None
    other.load_state_dict(saved)
    run(other, second, range(stop, 20))
    assert all((a.data == b.data).all() for a, b in zip(whole, second))
    third = [dlkit.tensor(p.data.copy(), requires_grad=True) for p in second]
    MAKERS[name](third).load_state_dict(saved)  # nor did loading share it
    assert saved["param_groups"][0]["params"] == [0, 1, 2, 3, 4]
    assert all(state.get("step", 0) <= stop for state in saved["state"].values())


@pytest.mark.parametrize("name", NAMES)
def test_state_has_the_names_of_pytorch(name):
    """PyTorch loads what we saved and carries on as we do."""
    parameters = start(dlkit)
    optimizer = MAKERS[name](parameters)
    run(optimizer, parameters, range(7))
    saved, theirs = optimizer.state_dict(), [torch.tensor(p.data, requires_grad=True) for p in parameters]
    run(optimizer, parameters, range(7, 15))
    for state in saved["state"].values():
        state.update({key: torch.as_tensor(value, dtype=torch.float64) for key, value in state.items()})
    more = {"SGD": dict(momentum=0.9), "RMSprop": dict(momentum=0.9, centered=True), "Adam": dict(amsgrad=True)}
    other = getattr(torch.optim, name)(theirs, **more.get(name, {}))
    other.load_state_dict(saved)
    for step in range(7, 15):
        other.zero_grad()
        loss_of(torch, theirs, step).backward()
        other.step()
    assert max(relative_error(a.data, b.detach().numpy()) for a, b in zip(parameters, theirs) if a.data.size) <= 1e-10


def foreign_states():
    x, y = dlkit.ones(2, requires_grad=True), dlkit.ones(3, requires_grad=True)
    (x.sum() + y.sum()).backward()
    for params in ([x], [x, y], [y], [{"params": [x]}, {"params": [y]}]):
        adam = optim.Adam(params)
        adam.step()
        yield adam.state_dict()
    yield optim.SGD([x, y]).state_dict()
    yield {"weight": np.ones(2)}


@pytest.mark.parametrize("i", range(6))
def test_foreign_state_changes_nothing(i):
    state = list(foreign_states())[i]
    x, y = (dlkit.ones(2, requires_grad=True) for _ in range(2))
    optimizer = optim.Adam([x, y], lr=0.5)
    (x.sum() + y.sum()).backward()
    optimizer.step()
    before = optimizer.state_dict()
    with pytest.raises((ValueError, KeyError), match="Adam.load_state_dict: "):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert before["param_groups"] == after["param_groups"]
    assert before["state"].keys() == after["state"].keys()
    for i in before["state"]:
        assert all(np.all(before["state"][i][key] == after["state"][i][key]) for key in before["state"][i])


def test_bad_group_is_not_added():
    x = dlkit.ones(1, requires_grad=True)
    optimizer = optim.Adam([x])
    for group in ({"params": x}, {"params": [dlkit.ones(1, requires_grad=True)], "lr": -1}, {"params": [1]}):
        with pytest.raises((ValueError, TypeError)):
            optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1


# --- Lookahead ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "alpha"), [(1, 0.5), (2, 1.0), (3, 0.25), (5, 0.5), (5, 0.0)])
@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_lookahead(name, k, alpha):
    def reference():
        fast = start(torch)
        slow, counts = [p.detach().clone() for p in fast], [0] * 5
        optimizer, path = getattr(torch.optim, name)(fast, lr=0.02), []
        for step in range(STEPS):
            optimizer.zero_grad()
            loss_of(torch, fast, step).backward()
            optimizer.step()
            for i, p in enumerate(fast):
                if p.grad is not None:
                    counts[i] += 1
                    if counts[i] % k == 0:
                        slow[i] = slow[i] + alpha * (p.detach() - slow[i])
                        p.data.copy_(slow[i])
            path.append([p.detach().numpy().copy() for p in fast])
        return path

    ours = trajectory(dlkit, lambda o, p: o.Lookahead(getattr(o, name)(p, lr=0.02), k, alpha))
    theirs = reference()
    assert max(relative_error(x, y) for a, b in zip(ours, theirs) for x, y in zip(a, b) if x.size) <= 1e-10


def test_lookahead_defaults_and_groups():
    x, y, z = (dlkit.ones(1, requires_grad=True) for _ in range(3))
    x.grad = dlkit.ones(1)
    inner = optim.SGD([x], lr=1.0)
    inner.step()
    optimizer = optim.Lookahead(inner)
    assert (optimizer.k, optimizer.alpha) == (5, 0.5) and optimizer.param_groups is inner.param_groups
    optimizer.add_param_group({"params": [y]})
    assert inner.param_groups[1]["lr"] == 1.0
    y.grad = dlkit.ones(1)
    for _ in range(5):
        optimizer.step()
    assert y.item() == 1 - 5 + 2.5
    assert x.item() == -3.0  # four steps after the first, then 0 + (-4 - 0) / 2 and one more
    with pytest.raises(ValueError, match="Lookahead: lr"):
        optimizer.add_param_group({"params": [z], "lr": -1})


# --- bad settings ---------------------------------------------------------------------------------------------------

NOT_NEGATIVE = ("lr", "eps", "weight_decay", "momentum", "lr_decay", "initial_accumulator_value", "momentum_decay")
INSIDE = {  # values that are accepted, values that are not
    **dict.fromkeys(NOT_NEGATIVE, ([0, 0.0, 1e-300, 2, math.inf, np.float32(0.5)], [-1e-300, -1, math.nan])),
    "alpha": ([0, 1], [-1e-300, 1.0000001, math.nan]),
    "rho": ([0, 1], [-1e-300, 1.0000001, math.nan]),
    "betas": (
        [(0, 0), (0.999999, 0.5), [0.9, 0.9]],
        [(1, 0.9), (0.9, 1), (-1e-300, 0.9), (0.9, -1e-300), (0.9,), (0.9, 0.9, 0.9), (math.nan, 0.9)],
    ),
    "etas": ([(1e-9, 1.0001), (0.9999, 9)], [(0, 1.2), (1, 1.2), (0.5, 1), (-0.1, 1.2), (0.5, 1.2, 1.3), (0.5,)]),
    "step_sizes": ([(1, 1), (1e-9, 2)], [(0, 1), (-1, 1), (2, 1), (1,), (1, 2, 3)]),
}
WRONG_TYPE = {"betas": [0.9, None, ("a", "b")], "etas": [0.5, None], "step_sizes": [1.0, None]}


@pytest.mark.parametrize("name", NAMES)
def test_ranges(name):
    tested = 0
    for key in set(getattr(optim, name)([dlkit.ones(1, requires_grad=True)]).defaults) & INSIDE.keys():
        good, bad = INSIDE[key]
        wrong_type = WRONG_TYPE.get(key, ["0.1", None, (0.1, 0.2), [0.1]])
        for value, error in (
            [(v, None) for v in good] + [(v, ValueError) for v in bad] + [(v, TypeError) for v in wrong_type]
        ):
            x = [dlkit.ones(1, requires_grad=True)]
            for make in (
                lambda: getattr(optim, name)(x, **{key: value}),  # noqa: B023
                lambda: getattr(optim, name)([{"params": x, key: value}]),  # noqa: B023
            ):
                if error is None:
                    assert make().param_groups[0][key] is value
                else:
                    with pytest.raises(error, match=f"^{name}: {key} must be "):
                        make()
                tested += 1
    assert tested >= 30


@pytest.mark.parametrize(
    ("case", "fine"),
    [
        (dict(nesterov=True), False),
        (dict(nesterov=True, momentum=0.9, dampening=0.1), False),
        (dict(nesterov=True, momentum=0.9), True),
        (dict(nesterov=True, momentum=1e-9, dampening=0.0), True),
        (dict(momentum=0.9, dampening=0.1), True),
        (dict(dampening=-0.5), True),
    ],
)
def test_nesterov(case, fine):
    x = [dlkit.ones(1, requires_grad=True)]
    for make in (lambda: optim.SGD(x, **case), lambda: optim.SGD([{"params": x, **case}])):
        if fine:
            make()
        else:
            with pytest.raises(ValueError, match="SGD: nesterov must be used with momentum"):
                make()


@pytest.mark.parametrize(("k", "alpha"), [(0, 0.5), (-1, 0.5), (1.5, 0.5), (5, -0.1), (5, 1.1)])
def test_lookahead_settings(k, alpha):
    with pytest.raises(ValueError, match="Lookahead: (k|alpha) must be"):
        optim.Lookahead(optim.SGD([dlkit.ones(1, requires_grad=True)]), k, alpha)


def test_own_optimizer():
    class Sign(optim.Optimizer):
        def change(self, g, state, lr=0.1, weight_decay=0):
            return lr * np.sign(g)

    x = dlkit.tensor([1.0, -3.0], requires_grad=True)
    optimizer = Sign([x], 0.5)
    (x * x).sum().backward()
    optimizer.step()
    assert x.tolist() == [0.5, -2.5]
    assert optimizer.state[x] == {"step": 1}
    with pytest.raises(TypeError, match="momentum"):
        Sign([x], momentum=0.9)


def test_message_of_a_state_of_other_shapes():
    wide, narrow = dlkit.ones(3, requires_grad=True), dlkit.ones(2, requires_grad=True)
    wide.sum().backward()
    other = optim.Adam([wide])
    other.step()
    message = r"^Adam.load_state_dict: exp_avg of parameter 0 has shape \(3,\), expected \(2,\)$"
    with pytest.raises(ValueError, match=message):
        optim.Adam([narrow]).load_state_dict(other.state_dict())


def test_a_loaded_state_is_a_copy():
    def started():
        p = dlkit.ones(2, requires_grad=True)
        p.grad = dlkit.ones(2)
        optimizer = optim.Adam([p])
        optimizer.step()
        return p, optimizer

    (_, first), (p, second) = started(), started()
    state = first.state_dict()
    second.load_state_dict(state)
    state["state"][0]["exp_avg"][:] = 99.0
    state["param_groups"][0]["lr"] = 99.0
    assert second.state[p]["exp_avg"].max() < 1 and second.param_groups[0]["lr"] == 1e-3
