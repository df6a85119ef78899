"""Every test starts from the same state, and must leave the switch of the tape as it found it."""

import hypothesis
import matplotlib
import pytest
import torch

import dlkit

matplotlib.use("Agg")
torch.set_num_threads(1)
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("repeatable")


def _reset():
    for library in (dlkit, torch):
        library.set_default_dtype(library.float32)
        library.manual_seed(0)


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch):
    monkeypatch.setenv("DLKIT_PROGRESS", "off")
    _reset()
    yield
    _reset()
    assert dlkit.is_grad_enabled(), "the test left recording switched off"


@pytest.fixture
def float64():
    """Both libraries make float64 tensors."""
    for library in (dlkit, torch):
        library.set_default_dtype(library.float64)
