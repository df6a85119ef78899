"""Initial values: their distributions, shapes and reproducibility, and PyTorch's gains."""

import math

import numpy as np
import pytest
import torch

import dlkit
from dlkit.nn import init

SHAPES = [(400, 300), (64, 32, 3, 5), (1, 7000), (7000, 1)]


def fans(shape):
    receptive = math.prod(shape[2:])
    return shape[1] * receptive, shape[0] * receptive


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("lecun_uniform_", lambda i, o: 1 / i),
        ("lecun_normal_", lambda i, o: 1 / i),
        ("xavier_uniform_", lambda i, o: 2 / (i + o)),
        ("xavier_normal_", lambda i, o: 2 / (i + o)),
        ("kaiming_uniform_", lambda i, o: 2 / i),
        ("kaiming_normal_", lambda i, o: 2 / i),
    ],
)
def test_variance(name, variance, shape):
    tensor = dlkit.zeros(*shape)
    assert getattr(init, name)(tensor) is tensor and tensor.dtype == dlkit.float32
    expected = variance(*fans(shape))
    assert abs(tensor.var(correction=0).item() / expected - 1) < 0.06
    assert abs(tensor.mean().item()) < 5 * math.sqrt(expected / tensor.numel())
    uniform = abs(tensor.data).max() / math.sqrt(3 * expected)
    assert 0.99 < uniform < 1.000001 if "uniform" in name else uniform > 1.5


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3, 3), (20, 2, 3, 1), (1, 4), (4, 1)])
@pytest.mark.parametrize("gain", [1, 2.5])
def test_orthogonal(shape, gain):
    tensor = init.orthogonal_(dlkit.zeros(*shape, dtype=dlkit.float64), gain)
    matrix = tensor.data.reshape(shape[0], -1) / gain
    gram = matrix @ matrix.T if shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-14)


def test_orthogonal_matrices_are_uniform():
    draws = np.array([init.orthogonal_(dlkit.zeros(3, 3)).data for _ in range(2000)])
    assert abs(draws.mean(0)).max() < 0.06  # without fixing the signs, diagonal elements lean to one side
    assert abs((draws**2).mean(0) - 1 / 3).max() < 0.04
    assert init.orthogonal_(dlkit.zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0, 1, -2, 2), (1, 0.5, 0.9, 3), (0, 1, 1, math.inf), (0.0, 0.02, -2.0, 2.0), (3, 2, 0, 1)],
)
def test_truncated_normal(mean, std, a, b):
    values = init.trunc_normal_(dlkit.zeros(200, 300), mean, std, a, b).data
    assert a <= values.min() and values.max() <= b
    grid = np.linspace(max(a, mean - 9 * std), min(b, mean + 9 * std), 100001)
    density = np.exp(-(((grid - mean) / std) ** 2) / 2)
    expected = (grid * density).sum() / density.sum()
    spread = math.sqrt(((grid - expected) ** 2 * density).sum() / density.sum())
    assert abs(values.mean() - expected) < 0.02 * std and abs(values.std() - spread) < 0.02 * std
    # drawn anew, not moved to the ends
    assert (values == values.max()).sum() < 5 and (values == values.min()).sum() < 5


def test_truncated_normal_starts_with_pytorchs_settings():
    values = init.trunc_normal_(dlkit.zeros(300, 300)).data
    assert -2 <= values.min() < -1.99 and 1.99 < values.max() <= 2 and abs(values.std() - 0.8796) < 0.01


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (0, 2)])
def test_eye(shape):
    tensor = dlkit.ones(*shape)
    assert init.eye_(tensor) is tensor and (tensor.data == np.eye(*shape)).all()


GAINS = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
GAINS += [f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3)]


@pytest.mark.parametrize("name", GAINS)
def test_gains_are_those_of_pytorch(name):
    assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-15)
    assert init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)


DRAWN = ["uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_"]
DRAWN += ["kaiming_normal_", "lecun_uniform_", "lecun_normal_", "orthogonal_"]


@pytest.mark.parametrize("name", DRAWN)
def test_seeds(name):
    draws = [(dlkit.manual_seed(s), getattr(init, name)(dlkit.zeros(3, 4)).tolist())[1] for s in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("name", [*DRAWN, "zeros_", "ones_", "eye_"])
def test_parameters_are_filled_without_a_trace(name):
    parameter = dlkit.nn.Parameter(dlkit.full((3, 4), 0.5))
    memory = parameter.data
    getattr(init, name)(parameter)
    assert parameter.data is memory and parameter.is_leaf and not (memory == 0.5).any()
