"""fit and evaluate do what the loops written by hand do, in dlkit and in PyTorch."""

import math
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import dlkit
from dlkit import nn, optim
from dlkit.data import DataLoader, TensorDataset
from dlkit.optim import lr_scheduler
from dlkit.training import accuracy, evaluate, fit

from .test_serialization import same

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(23, 3)), rng.integers(0, 2, 23)
F = nn.functional


def model_for(library):
    """One network with fixed weights in either library."""
    n = library.nn
    model = n.Sequential(n.Linear(3, 5), n.Tanh(), n.Linear(5, 2))
    weights = np.random.default_rng(1)
    with library.no_grad():
        for p in model.parameters():
            p.copy_(library.from_numpy(weights.normal(size=tuple(p.shape))))
    return model


def loader_for(drop_last=False, **options):
    return DataLoader(TensorDataset(X, Y), 4, shuffle=True, drop_last=drop_last, generator=np.random.default_rng(2))


@pytest.mark.usefixtures("float64")
class TestFit:
    @pytest.mark.parametrize(("name", "settings"), [("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.05})])
    @pytest.mark.parametrize("drop_last", [False, True])
    def test_equals_the_loop_in_both_libraries(self, name, settings, drop_last):
        def loop(t):
            model = model_for(t)
            optimizer = getattr(t.optim, name)(model.parameters(), **settings)
            losses, loader = [], loader_for(drop_last)
            for _ in range(5):
                total = count = 0
                for x, y in loader:
                    x, y = t.from_numpy(x.data), t.from_numpy(y.data)
                    optimizer.zero_grad()
                    loss = t.nn.functional.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    total, count = total + loss.item() * len(x), count + len(x)
                losses.append(total / count)
            return losses, [p.detach().numpy() for p in model.parameters()]

        model = model_for(dlkit)
        optimizer = getattr(optim, name)(model.parameters(), **settings)
        history = fit(model, loader_for(drop_last), F.cross_entropy, optimizer, epochs=5)
        losses, weights = loop(dlkit)
        assert history == {"loss": losses}  # to the last bit
        assert all((p.data == w).all() for p, w in zip(model.parameters(), weights, strict=True))
        losses, weights = loop(torch)
        np.testing.assert_allclose(history["loss"], losses, rtol=1e-10)
        for p, w in zip(model.parameters(), weights, strict=True):
            np.testing.assert_allclose(p.data, w, rtol=1e-9, atol=1e-12)
        assert losses[-1] < losses[0]

    def test_history_with_validation_and_metrics(self):
        model = model_for(dlkit)
        history = fit(
            model, loader_for(), F.cross_entropy, optim.SGD(model.parameters(), 0.1), 3,
            validation=DataLoader(TensorDataset(X, Y), 10), metrics={"accuracy": accuracy},
        )  # fmt: skip
        assert list(history) == ["loss", "val_loss", "val_accuracy"]
        assert all(len(values) == 3 and all(isinstance(v, float) for v in values) for values in history.values())
        assert history["val_accuracy"][-1] == ((model(dlkit.tensor(X)).data.argmax(1) == Y).mean())
        assert model.training

    def test_trains_in_training_mode(self):
        modes = []

        class Spy(nn.Linear):
            def forward(self, x):
                modes.append(self.training)
                return super().forward(x)

        model = Spy(3, 2).eval()
        data = DataLoader(TensorDataset(X, Y), 23)
        fit(model, data, F.cross_entropy, optim.SGD(model.parameters()), 2, validation=data)
        assert modes == [True, False, True, False]

    def test_print_every(self, capsys):
        model = model_for(dlkit)
        history = fit(model, loader_for(), F.cross_entropy, optim.SGD(model.parameters()), 4, print_every=2)
        out = capsys.readouterr()
        assert out.out.splitlines() == [f"epoch   {e}: loss {history['loss'][e - 1]:.4f}" for e in (2, 4)]
        assert out.err == ""

    @pytest.mark.parametrize("switch", ["off", None])
    def test_progress_bar(self, switch, capsys, monkeypatch):
        monkeypatch.delenv("DLKIT_PROGRESS")
        if switch:
            monkeypatch.setenv("DLKIT_PROGRESS", switch)
        model = model_for(dlkit)
        fit(model, loader_for(), F.cross_entropy, optim.SGD(model.parameters()), 1)
        shown = capsys.readouterr()
        assert ("epoch 1/1" in shown.out + shown.err) == (switch is None)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_loss_that_is_not_finite(self, value):
        model, calls = model_for(dlkit), []

        def loss(output, target):
            calls.append(1)
            return (output * output).sum() * (value if len(calls) == 9 else 0.0)

        with pytest.raises(FloatingPointError, match=f"the loss is {value} in epoch 2, batch 3;"):
            fit(model, loader_for(), loss, optim.SGD(model.parameters()), 3)

    @pytest.mark.parametrize("epochs", [0, -1, 2.0, "3"])
    def test_epochs(self, epochs):
        with pytest.raises(ValueError, match="epochs must be a positive integer"):
            fit(model_for(dlkit), loader_for(), F.cross_entropy, None, epochs)

    def test_loader_without_batches(self):
        model = model_for(dlkit)
        empty = DataLoader(TensorDataset(X, Y), 99, drop_last=True)
        with pytest.raises(ValueError, match="no batches"):
            fit(model, empty, F.cross_entropy, optim.SGD(model.parameters()), 1)


@pytest.mark.usefixtures("float64")
class TestEvaluate:
    @pytest.mark.parametrize("size", [1, 4, 5, 22, 23, 50])
    def test_weights_a_smaller_last_batch(self, size):
        model = model_for(dlkit)
        output = model(dlkit.tensor(X))
        found = evaluate(model, DataLoader(TensorDataset(X, Y), size), F.cross_entropy, {"accuracy": accuracy})
        assert found["loss"] == pytest.approx(F.cross_entropy(output, dlkit.tensor(Y)).item(), rel=1e-12)
        assert found["accuracy"] == pytest.approx((output.data.argmax(1) == Y).mean(), rel=1e-12)

    @pytest.mark.parametrize("mode", [True, False])
    @pytest.mark.parametrize("fails", [True, False])
    def test_restores_the_mode_and_records_nothing(self, mode, fails):
        model, seen = model_for(dlkit).train(mode), []

        def loss(output, target):
            seen.append((model.training, output.requires_grad, dlkit.is_grad_enabled()))
            return F.cross_entropy(output, target) if not fails else 1 / 0

        try:
            evaluate(model, DataLoader(TensorDataset(X, Y), 23), loss)
        except ZeroDivisionError:
            assert fails
        assert seen == [(False, False, False)]
        assert model.training is mode and dlkit.is_grad_enabled()

    def test_no_batches(self):
        with pytest.raises(ValueError, match="the loader gave no batches"):
            evaluate(model_for(dlkit), [], F.cross_entropy)

    def test_any_callable_is_a_model(self):
        class Callable:
            training = "mine"

            def __call__(self, x):
                assert not dlkit.is_grad_enabled()
                return x[:, :2]

        data, model = DataLoader(TensorDataset(X, Y), 5), Callable()
        expected = F.cross_entropy(dlkit.tensor(X[:, :2]), dlkit.tensor(Y)).item()
        for function in (model, lambda x: x[:, :2]):
            found = evaluate(function, data, F.cross_entropy, {"accuracy": accuracy})
            assert found["loss"] == pytest.approx(expected, rel=1e-12)
            assert found["accuracy"] == pytest.approx((X[:, :2].argmax(1) == Y).mean(), rel=1e-12)
        assert model.training == "mine"


class LikeCuPy:
    """A generator whose state is a method that tells an address: there is nothing to save."""

    class bit_generator:
        @staticmethod
        def state():
            return 12345


@pytest.mark.parametrize("generator", ["mine", 3, print, LikeCuPy()])
def test_a_loader_of_ones_own(generator, tmp_path):
    class Loader(list):
        pass

    loader = Loader([(dlkit.ones(2, 3), dlkit.tensor([0, 1]))])
    loader.generator = generator
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters())
    for checkpoint in (None, tmp_path / "run.npz", tmp_path / "run.npz"):
        history = fit(model, loader, F.cross_entropy, optimizer, 2, validation=loader, checkpoint=checkpoint)
        assert len(history["loss"]) == 2


def torch_loop(model, optimizer, scheduler, epochs, max_norm=None):
    """What fit should do, written out in PyTorch; learning rates in each epoch and the weights."""
    rates, loader = [], loader_for()
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        total = 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(x.data)), torch.from_numpy(y.data))
            loss.backward()
            if max_norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            total += loss.item() * len(x)
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(total / len(X))
        elif scheduler is not None:
            scheduler.step()
    return rates, [p.detach().numpy() for p in model.parameters()]


@pytest.mark.usefixtures("float64")
class TestOptions:
    @pytest.mark.parametrize("max_norm", [None, 0.3, 1e9])
    @pytest.mark.parametrize(
        ("name", "settings"),
        [
            (None, {}),
            ("StepLR", {"step_size": 2, "gamma": 0.5}),
            ("CosineAnnealingLR", {"T_max": 6}),
            ("ReduceLROnPlateau", {"patience": 0, "factor": 0.3, "threshold": 0.05}),
        ],
    )
    def test_scheduler_and_clipping_as_in_pytorch(self, name, settings, max_norm):
        made = []
        for t in (dlkit, torch):
            model = model_for(t)
            optimizer = t.optim.SGD(model.parameters(), 0.5, momentum=0.9)
            scheduler = name and getattr(t.optim.lr_scheduler, name)(optimizer, **settings)
            made.append((model, optimizer, scheduler))
        model, optimizer, scheduler = made[0]
        rates = []

        def loss(output, target):
            rates.append(optimizer.param_groups[0]["lr"])
            return F.cross_entropy(output, target)

        fit(model, loader_for(), loss, optimizer, 6, scheduler=scheduler, max_norm=max_norm)
        expected, weights = torch_loop(*made[1], 6, max_norm)
        np.testing.assert_allclose(rates, np.repeat(expected, len(loader_for())), rtol=1e-12)
        assert (len(set(rates)) > 1) == (name is not None)
        for p, w in zip(model.parameters(), weights, strict=True):
            np.testing.assert_allclose(p.data, w, rtol=1e-8, atol=1e-12)

    def test_clipping_changes_the_steps(self):
        def weights(**options):
            model = model_for(dlkit)
            fit(model, loader_for(), F.cross_entropy, optim.SGD(model.parameters(), 0.5), 2, **options)
            return model.state_dict()

        assert same(weights(), weights(max_norm=1e9)) and not same(weights(), weights(max_norm=0.3))

    @pytest.mark.parametrize("validated", [True, False])
    def test_plateau_is_given_the_monitored_loss(self, validated, monkeypatch):
        given = []
        monkeypatch.setattr(lr_scheduler.ReduceLROnPlateau, "step", lambda self, metrics: given.append(metrics))
        model = model_for(dlkit)
        optimizer = optim.SGD(model.parameters(), 0.1)
        data = DataLoader(TensorDataset(X[:9], Y[:9]), 4) if validated else None
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)
        history = fit(model, loader_for(), F.cross_entropy, optimizer, 3, data, scheduler=scheduler)
        assert given == history["val_loss" if validated else "loss"] and len(given) == 3


def scripted(losses, **options):
    """A run whose monitored loss is given; its weight is the number of epochs trained (and a buffer, too)."""
    model = nn.Linear(1, 1, bias=False)
    model.register_buffer("epochs", dlkit.tensor(0))
    with dlkit.no_grad():
        model.weight.zero_()
    optimizer = optim.SGD(model.parameters(), 1.0)
    data = DataLoader(TensorDataset(np.ones((1, 1)), np.ones(1)), 1)
    script = iter(losses)

    def loss(output, target):
        if dlkit.is_grad_enabled():
            model.epochs.data += 1
            return -output.sum()
        return dlkit.tensor(float(next(script)))

    history = fit(model, data, loss, optimizer, options.pop("epochs", len(losses)), data, **options)
    assert model.weight.item() == model.epochs.item() and model.training
    return len(history["loss"]), model.weight.item()


@pytest.mark.usefixtures("float64")
class TestEarlyStopping:
    @pytest.mark.parametrize(
        ("losses", "options", "ran", "best"),
        [
            ([5, 4, 3, 2, 1], {"patience": 1}, 5, 5),
            ([1, 2, 3, 4, 5], {"patience": 1}, 2, 1),
            ([1, 2, 3, 4, 5], {"patience": 3}, 4, 1),
            ([1, 2, 3, 4, 5], {"patience": 4}, 5, 1),
            ([1, 2, 3, 4, 5], {"patience": 9}, 5, 1),  # the end came first: the best weights all the same
            ([1, 2, 3, 4, 5], {}, 5, 5),
            ([3, 4, 2, 4, 4, 1], {"patience": 2}, 5, 3),
            ([3, 4, 2, 4, 1, 4], {"patience": 2}, 6, 5),
            ([1, 1, 1, 1], {"patience": 2}, 3, 1),  # as good is not better
            ([1, 1 - 1e-9, 1 - 2e-9, 1], {"patience": 1}, 4, 3),  # better by a little is better
            ([3, 2.5, 2, 1.5], {"patience": 2, "min_delta": 0.5}, 4, 3),
            ([3, 2.5, 2.75, 2], {"patience": 2, "min_delta": 0.5}, 3, 1),
            ([2, 1.5, 1.5, 1.5], {"patience": 2, "min_delta": 0.5}, 3, 1),
            ([2, 1.75, 1, 1.5], {"patience": 2, "min_delta": 0.5}, 4, 3),
            ([1, math.nan, math.nan, 0], {"patience": 2}, 3, 1),
            ([math.nan, 2, math.inf, 1], {"patience": 2}, 4, 4),
            ([math.nan, math.inf, 1], {"patience": 2}, 2, 0),  # never a finite loss: back to the start
        ],
    )
    def test_stops_and_restores(self, losses, options, ran, best):
        assert scripted(losses, **options) == (ran, best)

    def test_without_validation_the_training_loss_is_monitored(self):
        model, script = nn.Linear(1, 1), iter([3.0, 2.0, 4.0, 5.0])
        data = DataLoader(TensorDataset(np.ones((1, 1)), np.ones(1)), 1)

        def loss(output, target):
            value = next(script)
            return output.sum() * 0 + value

        history = fit(model, data, loss, optim.SGD(model.parameters()), 9, patience=2)
        assert history == {"loss": [3.0, 2.0, 4.0, 5.0]}

    @pytest.mark.parametrize(
        ("option", "value", "needs"),
        [
            *(("patience", value, "a positive integer") for value in (0, -1, 1.0, "2")),
            *(("max_norm", value, "positive") for value in (0, -1.0, math.nan)),
        ],
    )
    def test_options_out_of_range(self, option, value, needs):
        model = model_for(dlkit)
        before = model.state_dict()
        with pytest.raises(ValueError) as caught:
            fit(model, loader_for(), F.cross_entropy, optim.SGD(model.parameters()), 1, **{option: value})
        assert caught.value.args[0] in (f"fit: {option} must be {needs}, got {value!r}",)
        assert same(model.state_dict(), before)


# --- checkpoints -----------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "Adagrad": {"lr": 0.1},
    "RMSprop": {"lr": 0.01, "centered": True, "momentum": 0.5},
    "Adadelta": {"lr": 1.0},
    "Rprop": {"lr": 0.01},
    "Adam": {"lr": 0.01},
    "AdamW": {"lr": 0.01, "amsgrad": True},
    "NAdam": {"lr": 0.01},
    "RAdam": {"lr": 0.01},
}
SCHEDULERS = {
    None: {},
    "StepLR": {"step_size": 2, "gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 4], "gamma": 0.5},
    "ExponentialLR": {"gamma": 0.9},
    "LinearLR": {},
    "CosineAnnealingLR": {"T_max": 5},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 9},
    "ReduceLROnPlateau": {"patience": 0, "threshold": 0.01},
}
PAIRS = [
    *(("SGD", schedule) for schedule in SCHEDULERS),
    *((name, "StepLR") for name in OPTIMIZERS if name != "SGD"),
    *(("Adam", None), ("Adam", "OneCycleLR"), ("Lookahead", "CosineAnnealingLR")),
]


class Experiment:
    """A run with everything that a checkpoint has to keep: dropout, shuffling, momentum, schedule, early stopping."""

    def __init__(self, path, name="Adam", schedule="StepLR", seed=0, epochs=5, bits=np.random.PCG64, **options):
        dlkit.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Dropout(0.4), nn.Linear(6, 2))
        kind = "Adam" if name == "Lookahead" else name
        self.optimizer = getattr(optim, kind)(self.model.parameters(), **OPTIMIZERS[kind])
        if name == "Lookahead":
            self.optimizer = optim.Lookahead(self.optimizer, k=3)
        settings = SCHEDULERS[schedule]
        self.scheduler = schedule and getattr(lr_scheduler, schedule)(self.optimizer, **settings)
        generators = [np.random.Generator(bits(seed + i)) for i in (1, 2)]
        self.loaders = [
            DataLoader(TensorDataset(X.astype(np.float32), Y), n, shuffle=True, generator=g)
            for n, g in zip((6, 7), generators)
        ]
        defaults = dict(metrics={"accuracy": accuracy}, scheduler=self.scheduler, max_norm=1.0, patience=50)
        self.options = {"epochs": epochs, **defaults, "checkpoint": path, **options}
        self.history, self.calls, self.fail_at = None, 0, None

    def loss(self, output, target):
        self.calls += 1
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        return F.cross_entropy(output, target)

    def run(self, fail_at=None, **changes):
        self.fail_at = fail_at
        self.history = fit(
            self.model, self.loaders[0], self.loss, self.optimizer, validation=self.loaders[1],
            **{**self.options, **changes},
        )  # fmt: skip
        return self

    def state(self):
        """All that must be equal, to the last bit."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler and self.scheduler.state_dict(),
            "random": [
                g.bit_generator.state for g in (dlkit.creation.generator(), *(x.generator for x in self.loaders))
            ],
            "history": self.history,
        }


@pytest.mark.parametrize(("name", "schedule"), PAIRS)
class TestResuming:
    def test_checkpoints_change_nothing(self, name, schedule, tmp_path):
        with_one = Experiment(tmp_path / "run.npz", name, schedule).run().state()
        assert same(with_one, Experiment(None, name, schedule).run().state())
        assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]
        assert len(with_one["history"]["loss"]) == 5

    def test_interrupted_anywhere(self, name, schedule, tmp_path):
        """The objects of the second run start from other weights and seeds: all comes from the checkpoint."""
        expected = Experiment(None, name, schedule)
        calls = expected.run().calls
        expected = expected.state()
        for k in np.random.default_rng(0).integers(1, calls + 1, 4).tolist() + [1, calls]:
            path = tmp_path / f"{k}.npz"
            with pytest.raises(KeyboardInterrupt):
                Experiment(path, name, schedule).run(fail_at=k)
            assert same(Experiment(path, name, schedule, seed=7).run().state(), expected), k

    def test_same_objects_go_on_after_an_interrupt(self, name, schedule, tmp_path):
        expected = Experiment(None, name, schedule).run().state()
        run = Experiment(tmp_path / "run.npz", name, schedule)
        for k in (7, 10, 3):  # each time a few batches more
            with pytest.raises(KeyboardInterrupt):
                run.calls = 0
                run.run(fail_at=k)
        assert same(run.run().state(), expected)

    def test_more_epochs_continue(self, name, schedule, tmp_path):
        path = tmp_path / "run.npz"
        expected = Experiment(None, name, schedule).run().state()
        first = Experiment(path, name, schedule, epochs=2).run()
        assert len(first.history["loss"]) == 2
        assert same(Experiment(path, name, schedule, seed=3).run().state(), expected)
        assert same(first.run(epochs=5).state(), expected)  # finished meanwhile

    def test_finished_returns_at_once(self, name, schedule, tmp_path):
        path = tmp_path / "run.npz"
        expected = Experiment(path, name, schedule).run().state()
        content = path.read_bytes()
        again = Experiment(path, name, schedule, seed=5).run(fail_at=1)
        assert again.calls == 0 and same(again.state(), expected) and path.read_bytes() == content
        fewer = Experiment(path, name, schedule, seed=5).run(fail_at=1, epochs=2)
        assert fewer.calls == 0 and same(fewer.state(), expected)


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_every_kind_of_generator_is_kept(bits, tmp_path):
    expected = Experiment(None, bits=bits).run().state()
    with pytest.raises(KeyboardInterrupt):
        Experiment(tmp_path / "run.npz", bits=bits).run(fail_at=20)
    assert same(Experiment(tmp_path / "run.npz", bits=bits, seed=4).run().state(), expected)


@pytest.mark.parametrize("where", ["savez", "fsync", "replace"])
@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_interrupted_while_saving(where, k, tmp_path, monkeypatch):
    expected = Experiment(None).run().state()
    module, calls = (np if where == "savez" else os), []
    real = getattr(module, where)

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == k:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
        m.setattr(module, where, interrupted)
        Experiment(tmp_path / "run.npz").run()
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"] * (k > 1)
    assert same(Experiment(tmp_path / "run.npz").run().state(), expected)


@pytest.mark.usefixtures("float64")
class TestStoppedEarly:
    LOSSES = [5, 3, 4, 4.5, 2, 1]

    @pytest.mark.parametrize("after", [1, 2, 3, 4])
    def test_best_weights_survive(self, after, tmp_path):
        path = tmp_path / "run.npz"
        assert scripted(self.LOSSES, patience=2, checkpoint=path, epochs=after) == (after, min(after, 2))
        assert scripted(self.LOSSES[after:], patience=2, checkpoint=path, epochs=6) == (4, 2)
        assert scripted([], patience=2, checkpoint=path, epochs=6) == (4, 2)  # nothing is evaluated again
        assert scripted(self.LOSSES[4:], patience=3, checkpoint=path, epochs=6) == (6, 6)  # more patience goes on

    def test_patience_added_or_taken_away(self, tmp_path):
        path = tmp_path / "run.npz"
        assert scripted([1, 2], checkpoint=path) == (2, 2)
        assert scripted([3, 4, 5], patience=2, checkpoint=path, epochs=9) == (5, 3)  # counts from where it began
        assert scripted([6, 7], checkpoint=path, epochs=7) == (7, 7)


class TestOtherCheckpoints:
    def refused(self, path, experiment, message):
        before, content = experiment.state(), path.read_bytes()
        with pytest.raises(ValueError) as caught:
            experiment.run()
        assert caught.value.args[0].startswith(f"fit: cannot continue from {path}: {message}")
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        assert same(experiment.state(), before) and path.read_bytes() == content
        assert experiment.calls == 0

    def test_another_model(self, tmp_path):
        path = tmp_path / "run.npz"
        Experiment(path, epochs=1).run()
        other = Experiment(path)
        other.model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.4), nn.Linear(5, 2))
        self.refused(path, other, "load_state_dict: 0.weight has shape (6, 3), expected (5, 3); 0.bias has")
        other.model = nn.Linear(3, 2)
        self.refused(path, other, "load_state_dict: missing ['bias', 'weight'], unexpected ['0.bias', '0.weight'")

    def test_another_dtype(self, tmp_path):
        path = tmp_path / "run.npz"
        Experiment(path, epochs=1).run()
        dlkit.set_default_dtype(dlkit.float64)
        rest = "model, optimizer, scheduler, 3 random generators, loss, val_loss, val_accuracy"
        self.refused(path, Experiment(path), f"it holds float32, {rest}; this run has float64, {rest}")

    def test_another_optimizer(self, tmp_path):
        path = tmp_path / "run.npz"
        Experiment(path, epochs=1).run()
        other = Experiment(path)
        other.optimizer = optim.Adam(list(other.model.parameters())[:2])  # found out after the model was loaded
        self.refused(path, other, "")

    def test_another_generator(self, tmp_path):
        path = tmp_path / "run.npz"
        Experiment(path, epochs=1).run()
        self.refused(path, Experiment(path, bits=np.random.MT19937), "")

    def test_other_parts(self, tmp_path):
        path = tmp_path / "run.npz"
        Experiment(path, epochs=1).run()
        parts, losses = "float32, model, optimizer", "loss, val_loss, val_accuracy"
        holds = f"it holds {parts}, scheduler, 3 random generators, {losses}; this run has {parts}, "
        self.refused(path, Experiment(path, schedule=None), f"{holds}3 random generators, {losses}")
        self.refused(path, Experiment(path, metrics=None), f"{holds}scheduler, 3 random generators, loss, val_loss")
        other = Experiment(path)
        other.loaders[1].generator = None
        other.state = other.model.state_dict
        self.refused(path, other, f"{holds}scheduler, 2 random generators, {losses}")

    @pytest.mark.parametrize("content", [{"weight": np.ones(2)}, [1], None, 3])
    def test_something_else(self, content, tmp_path):
        path = tmp_path / "run.npz"
        dlkit.save(content, path)
        self.refused(
            path, Experiment(path), "it holds something else; this run has float32, model, optimizer, scheduler, "
        )

    def test_damaged(self, tmp_path):
        path = tmp_path / "run.npz"
        Experiment(path, epochs=1).run()
        path.write_bytes(path.read_bytes()[:-30])
        self.refused(path, Experiment(path), f"load: {path} is damaged or was not written by dlkit.save (")

    def test_a_folder_that_is_not_there_is_noticed_before_training(self, tmp_path):
        experiment = Experiment(tmp_path / "no" / "run.npz")
        with pytest.raises(FileNotFoundError, match="^save: the folder .* does not exist$"):
            experiment.run()
        assert experiment.calls == 0


def kill_at(call, path):
    """Run the experiment in a copy of this process that kills itself at that call of any function; was it killed?

    A run that ends leaves the number of its calls in a file beside the checkpoint.
    """
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1] == signal.SIGKILL
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)

    experiment = Experiment(path, epochs=3)
    sys.setprofile(count)
    experiment.run()
    sys.setprofile(None)
    path.with_suffix(".calls").write_text(str(calls))
    os._exit(0)


def kill_often(folder, runs):
    """Kill each run twice, after its start and after its resumption, and let it finish."""
    expected = Experiment(folder / "expected.npz", epochs=3).run().state()
    kill_at(0, folder / "all.npz")
    total, rng = int((folder / "all.calls").read_text()), np.random.default_rng(0)
    for run in range(runs):
        path = folder / f"{run}.npz"
        killed = [kill_at(int(call), path) for call in rng.integers(1, total, 2)]
        print(killed[0], killed[1], same(Experiment(path, epochs=3).run().state(), expected))
    print(len(list(folder.glob("*.tmp"))))


def test_killed_at_any_moment(tmp_path):
    code = "import sys, pathlib, tests.dlkit.test_training as t; t.kill_often(pathlib.Path(sys.argv[1]), 16)"
    root = pathlib.Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=root, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    *lines, leftovers = ended.stdout.splitlines()
    assert len(lines) == 16 and all(line.startswith("True ") and line.endswith(" True") for line in lines), lines
    assert sum(line == "True True True" for line in lines) > 5
    assert 0 < int(leftovers) < 20  # some were killed while saving: the half-written file stays beside the whole one


def test_learns_the_digits():
    images, labels = dlkit.data.digits()
    dlkit.manual_seed(0)
    train, test = dlkit.data.random_split(TensorDataset(images.astype(np.float32), labels), [1497, 300])
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    fit(model, DataLoader(train, 32, shuffle=True), F.cross_entropy, optim.Adam(model.parameters(), 3e-3), 10)
    assert evaluate(model, DataLoader(test, 100), F.cross_entropy, {"accuracy": accuracy})["accuracy"] > 0.93
