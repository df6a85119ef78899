"""Schedulers: the learning rates, and momenta, that torch.optim.lr_scheduler sets; state; bad settings."""

import math

import numpy as np
import pytest
import torch

import dlkit
from dlkit import optim
from dlkit.optim import lr_scheduler

EPOCHS = 65
ONE = [("SGD", dict(lr=0.5, momentum=0.9))]
ADAM = [("Adam", dict(lr=0.5))]


def make_optimizer(t, name="SGD", **settings):
    groups = [{"params": [t.ones(1, requires_grad=True)], **more} for more in ({}, {"lr": 0.02}, {"lr": 3.0})]
    return getattr(t.optim, name)(groups, **{"lr": 0.5, **settings})


def rates(t, make, optimizer, epochs=EPOCHS, by_hand=False, metrics=None):
    """Learning rate and momentum of every group, before the first step and after each."""
    scheduler, path = make(t.optim.lr_scheduler, optimizer), []
    for epoch in range(epochs + 1):
        path.append([(g["lr"], g.get("momentum", g.get("betas", [0])[0:1])) for g in optimizer.param_groups])
        path[-1] = [x for lr, m in path[-1] for x in (lr, *np.atleast_1d(m))]
        assert scheduler.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
        assert scheduler.last_epoch == epoch
        optimizer.step()
        if by_hand and epoch % 20 == 7:
            optimizer.param_groups[1]["lr"] *= 3
        if epoch < epochs:
            scheduler.step(*([] if metrics is None else [metrics[epoch]]))
    return np.array(path)


def compare(make, name="SGD", settings=None, **options):
    ours, theirs = (rates(t, make, make_optimizer(t, name, **(settings or {})), **options) for t in (dlkit, torch))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-15)
    return theirs


def several(epoch):
    return 1 / (1 + epoch)


CASES = {
    "lambda": lambda s, o: s.LambdaLR(o, several),
    "lambdas": lambda s, o: s.LambdaLR(o, [several, lambda e: 0.9**e, math.sqrt]),
    **{f"step {n} {g}": lambda s, o, n=n, g=g: s.StepLR(o, n, g) for n in (1, 7, 30, 100) for g in (0.5, 1.1, 0.0)},
    "step": lambda s, o: s.StepLR(o, step_size=20),
    "multistep": lambda s, o: s.MultiStepLR(o, [1, 5, 30, 64]),
    "multistep 0.5": lambda s, o: s.MultiStepLR(o, milestones=[10], gamma=0.5),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.93),
    **{
        f"cosine {n} {e}": lambda s, o, n=n, e=e: s.CosineAnnealingLR(o, n, e)
        for n in (1, 2, 9, 64)
        for e in (0.0, 0.01)
    },
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=13),
    "linear": lambda s, o: s.LinearLR(o),
    **{
        f"linear {a} {b} {n}": lambda s, o, a=a, b=b, n=n: s.LinearLR(o, a, b, n)
        for a, b, n in ((0.1, 1.0, 20), (1.0, 0.0, 10), (0.5, 0.5, 3), (1.0, 0.1, 100), (0.2, 0.9, 1))
    },
}


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_every_epoch(case, by_hand):
    theirs = compare(CASES[case], by_hand=by_hand)
    assert len(np.unique(theirs[:, 0])) > 1 or case.startswith(("step 100", "linear 0.5"))


def test_warm_up_and_decay_together():
    """Two schedulers of one optimizer, each changing what the other left."""
    paths = []
    for t in (dlkit, torch):
        optimizer, path = make_optimizer(t), []
        both = [t.optim.lr_scheduler.LinearLR(optimizer, 0.1), t.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)]
        for _ in range(EPOCHS):
            path.append([g["lr"] for g in optimizer.param_groups])
            optimizer.step()
            for scheduler in both:
                scheduler.step()
        paths.append(path)
    np.testing.assert_allclose(*paths, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("anneal_strategy", ["cos", "linear"])
@pytest.mark.parametrize(("name", "settings"), [("SGD", dict(momentum=0.9)), ("Adam", {}), ("Rprop", None)])
def test_one_cycle(three_phase, anneal_strategy, name, settings):
    for more in (
        dict(total_steps=60),
        dict(epochs=6, steps_per_epoch=11, pct_start=0.4),
        dict(total_steps=64, pct_start=0.21, div_factor=4.0, final_div_factor=10.0),
        dict(total_steps=60, base_momentum=0.5, max_momentum=[0.9, 0.8, 0.7]),
    ):
        more = {**more, "three_phase": three_phase, "anneal_strategy": anneal_strategy}
        if name == "Rprop":
            more["cycle_momentum"] = False
        total = more.get("total_steps", 66)
        for max_lr in (0.3, [0.1, 0.2, 0.3]):
            compare(lambda s, o: s.OneCycleLR(o, max_lr, **more), name, settings, epochs=total)  # noqa: B023


def test_one_cycle_leaves_the_momentum_alone():
    theirs = compare(lambda s, o: s.OneCycleLR(o, 0.1, 60, cycle_momentum=False), "SGD", dict(momentum=0.9), epochs=60)
    assert (theirs[:, 1] == 0.9).all()


@pytest.mark.parametrize("pct_start", [0.0, 1.0])
def test_one_cycle_in_one_direction(pct_start):
    compare(lambda s, o: s.OneCycleLR(o, 0.1, 30, pct_start=pct_start), epochs=29)


def test_one_cycle_whose_way_up_is_a_single_step():
    optimizer = make_optimizer(dlkit)
    lr_scheduler.OneCycleLR(optimizer, 0.1, 10, pct_start=0.1)  # PyTorch divides by zero
    assert [g["lr"] for g in optimizer.param_groups] == [0.1] * 3


def test_one_cycle_ends():
    optimizer = make_optimizer(dlkit, momentum=0.5)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=2)
    scheduler.step()
    scheduler.step()
    before = scheduler.state_dict(), [dict(g) for g in optimizer.param_groups]
    for _ in range(2):
        with pytest.raises(ValueError, match="step 3 comes after the last of 2"):
            scheduler.step()
    assert before == (scheduler.state_dict(), [dict(g) for g in optimizer.param_groups])


METRICS = {
    "falling": [1 / (1 + i) for i in range(EPOCHS)],
    "flat": [1.0] * EPOCHS,
    "slow": [1 - 1e-5 * i for i in range(EPOCHS)],
    "waves": [math.sin(i / 3) + i / 40 for i in range(EPOCHS)],
    "negative": [-1 + math.cos(i) * 0.9**i for i in range(EPOCHS)],
    "steps": [1 - 0.01 * (i // 9) for i in range(EPOCHS)],
    "broken": [math.nan if i % 3 else math.inf for i in range(EPOCHS)],
}


@pytest.mark.parametrize("metrics", METRICS)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau(metrics, mode):
    for more in (
        {},
        dict(factor=0.5, patience=0),
        dict(factor=0.5, patience=2, cooldown=3),
        dict(factor=0.5, patience=1, threshold=0.01, threshold_mode="abs"),
        dict(patience=1, threshold=0.0),
        dict(patience=3, threshold=0.01),
        dict(factor=0.3, patience=1, min_lr=0.01),
        dict(factor=0.5, patience=1, min_lr=[0.1, 0.015, 0.0], eps=0.004),
        dict(factor=0.0, patience=5),
    ):
        compare(lambda s, o: s.ReduceLROnPlateau(o, mode, **more), metrics=METRICS[metrics])  # noqa: B023


def test_plateau_with_a_tensor():
    optimizer = make_optimizer(dlkit)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    for value in (1.0, 2.0):
        scheduler.step(dlkit.tensor(value))
    assert scheduler.best == 1.0 and optimizer.param_groups[0]["lr"] == 0.05


RESUMABLE = {
    **{name: CASES[name] for name in ("lambda", "step", "multistep", "exponential", "cosine 9 0.01", "linear")},
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.1, 65),
    "plateau": lambda s, o: s.ReduceLROnPlateau(o, patience=1, cooldown=2),
}


@pytest.mark.parametrize("name", RESUMABLE)
@pytest.mark.parametrize("stop", [0, 4, 6, 30])
def test_resumed_schedule_is_the_same_bit_for_bit(name, stop):
    def run(scheduler, steps):
        for i in steps:
            scheduler.step(*([METRICS["waves"][i]] if name == "plateau" else []))
        return [dict(g, params=None) for g in scheduler.optimizer.param_groups]

    make = RESUMABLE[name]
    whole, first = (make(lr_scheduler, make_optimizer(dlkit)) for _ in range(2))
    run(first, range(stop))
    saved = first.state_dict(), first.optimizer.state_dict()
    run(first, range(stop, stop + 9))
    second = make(lr_scheduler, make_optimizer(dlkit))
    second.load_state_dict(saved[0])
    second.optimizer.load_state_dict(saved[1])
    run(make(lr_scheduler, make_optimizer(dlkit)), range(3))
    assert run(whole, range(60)) == run(second, range(stop, 60))
    assert "optimizer" not in saved[0] and saved[0]["last_epoch"] == stop


def test_foreign_state_changes_nothing():
    scheduler = lr_scheduler.StepLR(make_optimizer(dlkit), 3)
    other = optim.SGD([dlkit.ones(1, requires_grad=True)])
    for state in (
        lr_scheduler.ExponentialLR(make_optimizer(dlkit), 0.9).state_dict(),
        lr_scheduler.StepLR(other, 3).state_dict(),
        {},
    ):
        before = scheduler.state_dict()
        with pytest.raises(KeyError, match="StepLR.load_state_dict"):
            scheduler.load_state_dict(state)
        assert scheduler.state_dict() == before


def test_own_scheduler_and_lookahead():
    class Halve(lr_scheduler.LRScheduler):
        def rate(self, epoch, group, divisor=2):
            return group["initial_lr"] / divisor**epoch

    optimizer = optim.Lookahead(optim.SGD([dlkit.ones(1, requires_grad=True)], lr=1.0))
    scheduler = Halve(optimizer)
    scheduler.step()
    assert optimizer.optimizer.param_groups[0]["lr"] == 0.5


GOOD_AND_BAD = [  # settings that are accepted, that are out of range
    (lr_scheduler.StepLR, "step_size", {}, [1, 5], [0, -1, 1.5]),
    (lr_scheduler.CosineAnnealingLR, "T_max", {}, [1, 9], [0, -1, 2.5]),
    (lr_scheduler.LinearLR, "total_iters", {}, [1, 9], [0, -1, 2.5]),
    (lr_scheduler.LinearLR, "start_factor", {}, [1e-9, 1.0], [0, -0.1, 1.0001]),
    (lr_scheduler.LinearLR, "end_factor", {}, [0, 1.0], [-0.1, 1.0001]),
    (lr_scheduler.MultiStepLR, "milestones", {}, [[1], [1, 2], (3, 9), []], [[0], [-1], [3, 3], [5, 4], [1.5]]),
    (lr_scheduler.ReduceLROnPlateau, "mode", {}, ["min", "max"], ["MIN", "", None]),
    (lr_scheduler.ReduceLROnPlateau, "threshold_mode", {}, ["rel", "abs"], ["relative", None]),
    (lr_scheduler.ReduceLROnPlateau, "factor", {}, [0, 0.999], [1, -0.1, 2]),
    (lr_scheduler.ReduceLROnPlateau, "patience", {}, [0, 3], [-1]),
    (lr_scheduler.ReduceLROnPlateau, "cooldown", {}, [0, 3], [-1]),
    (lr_scheduler.ReduceLROnPlateau, "threshold", {}, [0, 0.1], [-0.1]),
    (lr_scheduler.ReduceLROnPlateau, "eps", {}, [0, 0.1], [-0.1]),
    (lr_scheduler.ReduceLROnPlateau, "min_lr", {}, [0, [1, 2, 3]], [[1, 2], (1, 2, 3, 4)]),
    (lr_scheduler.LambdaLR, "lr_lambda", {}, [several, [several] * 3], [[several] * 2]),
    (lr_scheduler.OneCycleLR, "max_lr", dict(total_steps=9), [0.1, [1, 2, 3]], [[1, 2]]),
    (lr_scheduler.OneCycleLR, "total_steps", dict(max_lr=0.1), [1, 5], [0, -1, 2.5, None]),
    (lr_scheduler.OneCycleLR, "pct_start", dict(max_lr=0.1, total_steps=9), [0, 1], [-0.1, 1.1]),
    (lr_scheduler.OneCycleLR, "div_factor", dict(max_lr=0.1, total_steps=9), [0.5], [0, -1]),
    (lr_scheduler.OneCycleLR, "final_div_factor", dict(max_lr=0.1, total_steps=9), [0.5], [0, -1]),
    (lr_scheduler.OneCycleLR, "anneal_strategy", dict(max_lr=0.1, total_steps=9), ["cos", "linear"], ["cosine"]),
]


@pytest.mark.parametrize("row", GOOD_AND_BAD, ids=lambda row: f"{row[0].__name__} {row[1]}")
def test_ranges(row):
    kind, key, others, good, bad = row
    for value in good:
        kind(make_optimizer(dlkit, momentum=0.9), **{key: value}, **others)
    for value in bad:
        optimizer = make_optimizer(dlkit)
        with pytest.raises(ValueError, match=f"^{kind.__name__}: {key}.* must"):
            kind(optimizer, **{key: value}, **others)
        assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.02, 3.0]
