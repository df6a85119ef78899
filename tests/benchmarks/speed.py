"""How fast dlkit is, as ratios to PyTorch on the same machine in the same run.

    python -m tests.benchmarks.speed [NAME ...]

Each row is one training step (forward, backward, update) in float32 with the same weights on both sides. The two
take turns; what is printed are the medians and their ratio. Nothing here is a test: times depend on the machine.
"""

import statistics
import sys
import time

import numpy as np
import torch

import dlkit

THREADS = 2


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def classes(n, count=10):
    return np.random.default_rng(1).integers(0, count, n)


def mlp(nn, *sizes, activation="ReLU"):
    layers = []
    for n_in, n_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(n_in, n_out), getattr(nn, activation)()]
    return nn.Sequential(*layers[:-1])


def lenet(nn):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def training_step(model, loss, optimizer, x, y):
    """One step in both libraries, from the same weights; checks that the first losses agree."""
    models = [model(dlkit.nn), model(torch.nn)]
    models[0].load_state_dict({name: value.numpy() for name, value in models[1].state_dict().items()})

    def step_of(lib, net):
        criterion, update = getattr(lib.nn, loss)(), optimizer(lib.optim, net.parameters())
        inputs, targets = lib.from_numpy(x), lib.from_numpy(y)

        def step():
            update.zero_grad()
            value = criterion(net(inputs), targets)
            value.backward()
            update.step()
            return value.item()

        return step

    steps = [step_of(dlkit, models[0]), step_of(torch, models[1])]
    np.testing.assert_allclose(steps[0](), steps[1](), rtol=1e-4)
    return steps


def chain():
    def step_of(lib):
        def step():
            x = lib.ones(10, requires_grad=True)
            y = x
            for _ in range(1000):
                y = y + x
            y.sum().backward()

        return step

    return step_of(dlkit), step_of(torch)


def sgd(optim, parameters):
    return optim.SGD(parameters, lr=0.01)


def adam(optim, parameters):
    return optim.Adam(parameters)


WORK = {
    "two moons MLP 2-16-16-1": lambda: training_step(
        lambda nn: mlp(nn, 2, 16, 16, 1, activation="Tanh"), "BCEWithLogitsLoss", adam, normal(100, 2),
        (normal(100, 1) > 0).astype(np.float32),
    ),
    "MLP 784-128-10, batch 100": lambda: training_step(
        lambda nn: mlp(nn, 784, 128, 10), "CrossEntropyLoss", sgd, normal(100, 784), classes(100)
    ),
    "Conv2d (32,8,28,28) to 16, 5x5": lambda: training_step(
        lambda nn: nn.Conv2d(8, 16, 5, padding=2), "MSELoss", sgd, normal(32, 8, 28, 28), normal(32, 16, 28, 28)
    ),
    "Conv2d (8,3,200,200) to 8, 5x5": lambda: training_step(
        lambda nn: nn.Conv2d(3, 8, 5), "MSELoss", sgd, normal(8, 3, 200, 200), normal(8, 8, 196, 196)
    ),
    "LeNet, (64,1,28,28)": lambda: training_step(
        lenet, "CrossEntropyLoss", adam, normal(64, 1, 28, 28), classes(64)
    ),
    "1,000 chained additions": chain,
}  # fmt: skip


def measure(steps, seconds=4.0):
    """Median seconds of each of the two, taking turns."""
    times, end = ([], []), time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 5:
        for step, log in zip(steps, times):
            start = time.perf_counter()
            step()
            log.append(time.perf_counter() - start)
    return [statistics.median(log) for log in times]


def main(names):
    torch.set_num_threads(THREADS)
    print(f"{'work (one step)':34}{'dlkit ms':>10}{'PyTorch ms':>12}{'ratio':>8}")
    for name in names or WORK:
        ours, theirs = measure(WORK[name]())
        print(f"{name:34}{1000 * ours:10.2f}{1000 * theirs:12.2f}{ours / theirs:8.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
