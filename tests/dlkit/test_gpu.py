"""On a GPU everything is the same: the tests of the library again, with DLKIT_DEVICE=cuda.

Without a GPU they run on a stand-in for CuPy that is as strict (strict_cupy), which shows code that would mix arrays
of the two kinds. With CuPy and a GPU they run on that.
"""

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent


def run_on_the_device(*arguments):
    environment = dict(os.environ, DLKIT_DEVICE="cuda", OMP_NUM_THREADS="1")
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception:  # no CuPy, or no GPU for it
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE / "strict_cupy"), str(HERE.parents[1])])
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["test_operations.py"], "agrees and float64"),
        (["test_convolution.py"], ""),
    ],
)
def test_the_library_passes_its_tests_there(files, chosen):
    options = ["-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", "-k", chosen]
    result = run_on_the_device("-m", "pytest", *(f"tests/dlkit/{name}" for name in files), *options)
    assert result.returncode == 0, result.stdout[-3000:]
    assert " passed" in result.stdout


TRAINING = """
import os
import sys

import numpy as np

import dlkit
from dlkit import data, nn, optim

device = os.environ.get("DLKIT_DEVICE", "cpu")
assert dlkit.ones(1).device == device and dlkit.ones(1).to(device).device == device
assert dlkit.ones(2).cpu().device == "cpu" and dlkit.ones(2).cpu().numpy().tolist() == [1, 1]
dlkit.manual_seed(0)
images, labels = data.digits()
split = data.random_split(data.TensorDataset(images[:200].astype("float32"), labels[:200]), [150, 50])
train, test = (data.DataLoader(part, batch_size=50, shuffle=True) for part in split)
model = nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.1),
    nn.Linear(64, 10),
)
nn.init.orthogonal_(model[6].weight)
for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Rprop", "NAdam", "RAdam"):
    optimizer = getattr(optim, name)(model.parameters())
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, 2)
    history = dlkit.fit(model, train, nn.CrossEntropyLoss(), optimizer, 1, test, scheduler=scheduler, max_norm=1.0)
    optimizer.load_state_dict(optimizer.state_dict())
accuracy = dlkit.evaluate(model, test, nn.CrossEntropyLoss(), {"accuracy": dlkit.training.accuracy})
model.load_state_dict(model.state_dict())
loss_fn, path = nn.CrossEntropyLoss(), sys.argv[1]
for epochs in (1, 2):  # the second goes on where the first ended
    history = dlkit.fit(model, train, loss_fn, optimizer, epochs, checkpoint=path)
assert len(history["loss"]) == 2
print(nn.summary(model, (1, 1, 8, 8)))
print(np.round(history["loss"], 4), np.round(list(accuracy.values()), 4))
"""


def test_training_works_there_and_gives_the_same(tmp_path):
    script = tmp_path / "training.py"
    script.write_text(TRAINING, encoding="utf-8")
    there = run_on_the_device(str(script), str(tmp_path / "there.npz"))
    assert there.returncode == 0, there.stderr[-3000:]
    environment = dict(os.environ, PYTHONPATH=str(HERE.parents[1]))
    here = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "here.npz")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "BatchNorm2d" in there.stdout and there.stdout == here.stdout
