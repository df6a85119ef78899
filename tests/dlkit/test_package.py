"""The package as a whole: light to import, documented, with PyTorch's names."""

import importlib
import inspect
import os
import pkgutil
import platform
import subprocess
import sys

import pytest
import torch

import dlkit

MODULES = [dlkit] + [importlib.import_module(m.name) for m in pkgutil.walk_packages(dlkit.__path__, "dlkit.")]


@pytest.mark.parametrize("heavy", ["torch", "matplotlib", "tqdm", "IPython", "ipywidgets", "PIL", "scipy", "sklearn"])
def test_import_brings_in_nothing_heavy(heavy):
    code = f"import dlkit, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


PAGES_OF_A_STEP = """
import resource
import numpy as np
import dlkit
from dlkit import nn

layer, x = nn.Conv2d(8, 16, 5), dlkit.from_numpy(np.ones((32, 8, 28, 28), np.float32))
for i in range(10):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layer(x).sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is one of glibc")
def test_memory_of_a_step_serves_the_next_one():
    """In the tenth step the system gives (almost) no new pages, unless the user has settings of their own."""

    def pages(**settings):
        plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
        command = [sys.executable, "-c", PAGES_OF_A_STEP]
        return int(subprocess.run(command, env=plain | settings, stdout=subprocess.PIPE, check=True).stdout)

    assert pages() < 50 < 500 < pages(MALLOC_TRIM_THRESHOLD_="131072")


def public(module):
    """Functions and classes that a module defines for others."""
    for name, value in vars(module).items():
        ours = getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
        if ours and (inspect.isfunction(value) or inspect.isclass(value)):
            yield f"{module.__name__}.{name}", value


DEFINED = dict(pair for module in MODULES for pair in public(module))


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_module_is_documented(module):
    assert module.__doc__ and module.__doc__.strip()


@pytest.mark.parametrize("name", DEFINED)
def test_is_documented(name):
    assert DEFINED[name].__doc__ and DEFINED[name].__doc__


@pytest.mark.parametrize("module", [m for m in MODULES if hasattr(m, "__all__")], ids=lambda m: m.__name__)
def test_all_names_exist(module):
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)


OURS = {  # what PyTorch does not have, or has elsewhere: grad and gradcheck in autograd, the others as methods only
    "dlkit": {"check", "check_close", "fit", "evaluate", "gradcheck", "grad"},
    "dlkit.optim": {"Lookahead"},
    "dlkit.Tensor": {"data", "node"},
    "dlkit.nn": {"Swish", "summary"} | {f"{name}Loss" for name in ("Barron", "Dice", "Focal", "Quantile", "Tukey")},
    "dlkit.nn.functional": {"swish", "class_balanced_weights", "sigmoid_focal_loss"}
    | {f"{name}_loss" for name in ("barron", "dice", "focal", "quantile", "tukey")},
    "dlkit.nn.init": {"lecun_normal_", "lecun_uniform_"},
    "dlkit.data": {"TransformedDataset", "digits", "mnist", "fashion_mnist", "cifar10", "k_fold"}
    | {"two_moons", "spirals", "xor", "blobs", "touching_cells", "scenes_of_shapes", "silhouettes"},
}
PAIRS = {
    "dlkit": (dlkit, torch),
    "dlkit.Tensor": (dlkit.Tensor, torch.Tensor),
    "dlkit.nn": (dlkit.nn, torch.nn),
    "dlkit.nn.functional": (dlkit.nn.functional, torch.nn.functional),
    "dlkit.nn.init": (dlkit.nn.init, torch.nn.init),
    "dlkit.nn.Module": (dlkit.nn.Module, torch.nn.Module),
    "dlkit.optim": (dlkit.optim, torch.optim),
    "dlkit.optim.lr_scheduler": (dlkit.optim.lr_scheduler, torch.optim.lr_scheduler),
    "dlkit.nn.utils": (dlkit.nn.utils, torch.nn.utils),
    "dlkit.data": (dlkit.data, torch.utils.data),
}


@pytest.mark.parametrize("name", PAIRS)
def test_names_are_those_of_pytorch(name):
    ours, theirs = PAIRS[name]
    names = {n for n, value in vars(ours).items() if not n.startswith("_") and not inspect.ismodule(value)}
    names &= set(getattr(ours, "__all__", names))
    assert {n for n in names if not hasattr(theirs, n)} <= OURS.get(name, {"digits"})


def test_version():
    assert dlkit.__version__.count(".") == 2
