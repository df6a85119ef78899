"""How fast and how lean dlkit is, as ratios to PyTorch on the same machine in the same run.

    python -m tests.benchmarks.speed [WORD ...]

Each row is one training step (forward, backward, update) in float32 from the same weights on both sides; words choose
the rows that contain one of them. For the time the two take turns of a few steps in one process, and what is printed
are the medians and their ratio. For the memory each runs ten steps in a process of its own, which imports only its
own library; the peak is that of the whole process. Nothing here is a test: times depend on the machine.
"""

import importlib
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

if "--memory" not in sys.argv:  # before NumPy, as in a notebook: it sets how the threads of matrix products wait
    import dlkit
import numpy as np

THREADS = 2
TURNS, STEPS, SECONDS = 5, 5, 4.0  # at least so many turns of so many steps, and so long


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def classes(n, count=10):
    return np.random.default_rng(1).integers(0, count, n)


def halves(*shape):
    return (np.random.default_rng(2).random(shape) < 0.5).astype(np.float32)


# --- networks -------------------------------------------------------------------------------------------------------


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


def anthropometer(nn):
    """González Tejeda and Mayer (2021), doi 10.1109/SSCI50451.2021.9660069: eight body dimensions from a silhouette."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.BatchNorm2d(8), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(35344, 84), nn.ReLU(), nn.Linear(84, 8),
    )  # fmt: skip


def unet(nn, channels=16):
    """Ronneberger et al. (2015) in small: two levels down and up, with 'same' padding."""
    cat = importlib.import_module(nn.__name__.split(".")[0]).cat

    def block(n_in, n_out):
        return nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.Conv2d(n_out, n_out, 3, padding=1), nn.ReLU()
        )

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            c = channels
            self.down1, self.down2, self.bottom = block(1, c), block(c, 2 * c), block(2 * c, 4 * c)
            self.up2, self.right2 = nn.ConvTranspose2d(4 * c, 2 * c, 2, stride=2), block(4 * c, 2 * c)
            self.up1, self.right1 = nn.ConvTranspose2d(2 * c, c, 2, stride=2), block(2 * c, c)
            self.pool, self.last = nn.MaxPool2d(2), nn.Conv2d(c, 1, 1)

        def forward(self, x):
            one = self.down1(x)
            two = self.down2(self.pool(one))
            up = self.right2(cat([two, self.up2(self.bottom(self.pool(two)))], 1))
            return self.last(self.right1(cat([one, self.up1(up)], 1)))

    return UNet()


# --- steps: made from a library, and a state to start from; with the model whose state the other side takes ---------


def training(model, loss, optimizer, x, y, input_gradient=False):
    def make(lib, state=None):
        net = model(lib.nn)
        if state is not None:
            net.load_state_dict(state)
        criterion, update = getattr(lib.nn, loss)(), optimizer(lib.optim, net.parameters())
        inputs, targets = lib.from_numpy(x), lib.from_numpy(y)
        inputs.requires_grad_(input_gradient)

        def step():
            update.zero_grad()
            inputs.grad = None
            value = criterion(net(inputs), targets)
            value.backward()
            update.step()
            return value.item()

        return step, net

    return make


def chain(lib, state=None):
    def step():
        x = lib.ones(10, requires_grad=True)
        y = x
        for _ in range(1000):
            y = y + x
        y.sum().backward()
        return y[0].item()

    return step, None


def sgd(optim, parameters):
    return optim.SGD(parameters, lr=0.01)


def momentum(optim, parameters):
    return optim.SGD(parameters, lr=0.01, momentum=0.9)


def adam(optim, parameters):
    return optim.Adam(parameters)


WORK = {
    "two moons MLP 2-16-16-1": lambda: training(
        lambda nn: mlp(nn, 2, 16, 16, 1, activation="Tanh"), "BCEWithLogitsLoss", adam, normal(100, 2), halves(100, 1)
    ),
    "MLP 784-128-10, batch 100": lambda: training(
        lambda nn: mlp(nn, 784, 128, 10), "CrossEntropyLoss", sgd, normal(100, 784), classes(100)
    ),
    # with the gradient of the input, which every layer but the first of a network needs
    "Conv2d (32,8,28,28) to 16, 5x5": lambda: training(
        lambda nn: nn.Conv2d(8, 16, 5, padding=2), "MSELoss", sgd, normal(32, 8, 28, 28), normal(32, 16, 28, 28), True
    ),
    "Conv2d (8,3,200,200) to 8, 5x5": lambda: training(
        lambda nn: nn.Conv2d(3, 8, 5), "MSELoss", sgd, normal(8, 3, 200, 200), normal(8, 8, 196, 196), True
    ),
    "LeNet, (64,1,28,28)": lambda: training(lenet, "CrossEntropyLoss", adam, normal(64, 1, 28, 28), classes(64)),
    "Anthropometer, (16,1,200,200)": lambda: training(
        anthropometer, "MSELoss", momentum, normal(16, 1, 200, 200), normal(16, 8)
    ),
    "U-Net, (4,1,64,64)": lambda: training(unet, "BCEWithLogitsLoss", adam, normal(4, 1, 64, 64), halves(4, 1, 64, 64)),
    "1,000 chained additions": lambda: chain,
}


# --- measuring ------------------------------------------------------------------------------------------------------


def both(name):
    """The step of each library, dlkit's and PyTorch's, from the same weights; their first losses must agree."""
    import torch

    torch.set_num_threads(THREADS)
    make = WORK[name]()
    theirs, net = make(torch)
    ours, _ = make(dlkit, net and {key: value.numpy().copy() for key, value in net.state_dict().items()})
    np.testing.assert_allclose(ours(), theirs(), rtol=1e-4)
    return ours, theirs


def seconds(steps):
    """Median seconds of each step, taking turns.

    The first step of a turn is not counted: the threads of the other library are still awake then, and its data are
    in the cache. In training, too, a step follows one of the same kind.
    """
    times, end = [[] for _ in steps], time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times[0]) < TURNS:
        for step, log in zip(steps, times):
            step()
            for _ in range(STEPS):
                start = time.perf_counter()
                step()
                log.append(time.perf_counter() - start)
    return [statistics.median(log) for log in times]


def megabytes(name, library):
    """Peak memory of a process that imports one library and takes ten steps."""
    command = [sys.executable, "-m", "tests.benchmarks.speed", "--memory", name, library]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def report_memory(name, library):
    lib = importlib.import_module(library)
    if library == "torch":
        lib.set_num_threads(THREADS)
    step, _ = WORK[name]()(lib)
    for _ in range(10):
        step()
    print(peak_megabytes())


def peak_megabytes():
    """Peak memory of this process."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # Linux; there, what getrusage says may be the peak of the process that started this one
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def import_milliseconds(module, times=11):
    """Median of the wall time of a fresh Python that imports a module, compiled before, and ends."""
    environment, log = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}, []
    for _ in range(1 + times):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], env=environment, check=True)
        log.append(1000 * (time.perf_counter() - start))
    return statistics.median(log[1:])


def main(words):
    names = [name for name in WORK if not words or any(word.lower() in name.lower() for word in words)]
    print(f"{'':34}{'one step, ms':>20}{'':8}{'peak memory, MB':>22}")
    print(f"{'work':34}{'dlkit':>10}{'PyTorch':>10}{'ratio':>8}{'dlkit':>12}{'PyTorch':>10}{'ratio':>8}")
    for name in names:
        ours, theirs = seconds(both(name))
        lean, fat = megabytes(name, "dlkit"), megabytes(name, "torch")
        print(
            f"{name:34}{1000 * ours:10.2f}{1000 * theirs:10.2f}{ours / theirs:8.2f}"
            f"{lean:12.0f}{fat:10.0f}{lean / fat:8.2f}",
            flush=True,
        )
    if not words:
        print(f"import dlkit adds {import_milliseconds('dlkit') - import_milliseconds('numpy'):.0f} ms to import numpy")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(THREADS))  # in the processes that measure memory
    if sys.argv[1:2] == ["--memory"]:
        report_memory(*sys.argv[2:])
    else:
        main(sys.argv[1:])
