"""fit and evaluate do what the loops written by hand do, in dlkit and in PyTorch."""

import math

import numpy as np
import pytest
import torch

import dlkit
from dlkit import nn, optim
from dlkit.data import DataLoader, TensorDataset
from dlkit.training import accuracy, evaluate, fit

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


def test_learns_the_digits():
    images, labels = dlkit.data.digits()
    dlkit.manual_seed(0)
    train, test = dlkit.data.random_split(TensorDataset(images.astype(np.float32), labels), [1497, 300])
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    fit(model, DataLoader(train, 32, shuffle=True), F.cross_entropy, optim.Adam(model.parameters(), 3e-3), 10)
    assert evaluate(model, DataLoader(test, 100), F.cross_entropy, {"accuracy": accuracy})["accuracy"] > 0.93
