"""The table of a network: shapes, counts and receptive fields, and that looking at a model does not change it."""

import numpy as np
import pytest

import dlkit
from dlkit import nn
from dlkit.nn.summary import Row


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Sequential(nn.Conv2d(4, 8, (3, 5), dilation=2), nn.PReLU(), nn.Dropout()),
        nn.AvgPool2d(3, 1),
        nn.Flatten(),
        nn.Linear(8 * 8 * 4, 10),
    )


TABLE = """\
layer    type         output shape    parameters  trainable  receptive field
----------------------------------------------------------------------------
(model)  Sequential   (2, 10)                  -          -                -
  0      Conv2d       (2, 4, 28, 28)         104          0              5×5
  1      BatchNorm2d  (2, 4, 28, 28)           8          8              5×5
  2      ReLU         (2, 4, 28, 28)           -          -              5×5
  3      MaxPool2d    (2, 4, 14, 14)           -          -              6×6
  4      Sequential   (2, 8, 10, 6)            -          -            14×22
    4.0  Conv2d       (2, 8, 10, 6)          488        488            14×22
    4.1  PReLU        (2, 8, 10, 6)            1          1            14×22
    4.2  Dropout      (2, 8, 10, 6)            -          -            14×22
  5      AvgPool2d    (2, 8, 8, 4)             -          -            18×26
  6      Flatten      (2, 256)                 -          -                -
  7      Linear       (2, 10)              2,570      2,570                -
----------------------------------------------------------------------------
3,171 parameters, 3,067 of them trainable"""


def test_table():
    model = lenet()
    model[0].requires_grad_(False)
    table = nn.summary(model, (2, 1, 28, 28))
    assert repr(table) == str(table) == TABLE
    assert table.rows[1] == Row("0", "Conv2d", (2, 4, 28, 28), 104, 0, (5, 5))
    assert table.rows[0].output_shape == (2, 10) and table.rows[-1].receptive_field is None
    assert table.parameters == sum(p.numel() for p in model.parameters()) and table.trainable == 3171 - 104


def test_receptive_field_is_where_the_gradient_is():
    last = nn.Conv2d(1, 1, (1, 2), dilation=(1, 3))
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.LeakyReLU(), nn.AvgPool2d(2), nn.BatchNorm2d(1), last)
    for layer in (model[0], last):
        nn.init.ones_(layer.weight)
    x = dlkit.rand(1, 1, 60, 60, requires_grad=True)
    model.eval()(x)[0, 0, 3, 3].backward()
    rows, columns = np.nonzero(x.grad.numpy()[0, 0])
    assert nn.summary(model, input_data=x).rows[0].receptive_field == (np.ptp(rows) + 1, np.ptp(columns) + 1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Conv2d(2, 2, 3, padding=1)
        self.after = nn.Conv2d(2, 2, 3)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        return self.after(self.inner(x) + x)


def test_where_branches_meet_no_receptive_field_is_claimed():
    rows = {row.name: row for row in nn.summary(Residual(), (1, 2, 8, 8)).rows}
    assert rows["inner"].receptive_field == (3, 3)
    assert rows["after"].receptive_field is None and rows[""].receptive_field is None
    assert rows["unused"].output_shape is None and rows["unused"].parameters == 2


@pytest.mark.parametrize(
    "layer",
    [nn.Softmax(dim=-1), nn.LayerNorm(8), nn.Linear(8, 8), nn.ConvTranspose2d(2, 2, 3), nn.Upsample(scale_factor=2),
     nn.AdaptiveAvgPool2d(2), nn.Flatten()],
    ids=repr,
)  # fmt: skip
def test_layers_that_mix_pixels_end_the_chain(layer):
    rows = nn.summary(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), layer, nn.ReLU()), (1, 1, 8, 8)).rows
    assert [row.receptive_field for row in rows] == [None, (3, 3), None, None]


def test_signals():
    rows = nn.summary(nn.Sequential(nn.Conv1d(1, 2, 3), nn.Tanh(), nn.Conv1d(2, 2, 5, stride=2)), (1, 1, 20)).rows
    assert [row.receptive_field for row in rows] == [(7,), (3,), (3,), (7,)]


def test_several_outputs_and_inputs():
    assert nn.summary(nn.LSTMCell(3, 4), (2, 3)).rows[0].output_shape == [(2, 4), (2, 4)]
    attention = nn.summary(nn.MultiheadAttention(4, 2), [(3, 1, 4), (5, 1, 4), (5, 1, 4)])
    assert attention.rows[0].output_shape == [(3, 1, 4), (1, 3, 5)]
    assert [row.parameters for row in attention.rows] == [60, 20] and attention.parameters == 80
    x = dlkit.ones(3, 1, 4)
    assert "[(3, 1, 4), (1, 3, 3)]" in str(nn.summary(nn.MultiheadAttention(4, 2), input_data=[x, x, x]))


def test_integers_and_float64():
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2))
    assert nn.summary(model, input_data=dlkit.tensor([[1, 2]])).rows[2].output_shape == (1, 2, 2)
    assert nn.summary(nn.Linear(3, 2, dtype=float), [4, 3]).rows[0].output_shape == (4, 2)
    assert nn.summary(nn.ReLU(), (4, 3)).parameters == 0


def test_shared_parameters_are_counted_once():
    layer = nn.Linear(3, 3)
    table = nn.summary(nn.Sequential(layer, nn.ReLU(), layer), (1, 3))
    assert table.parameters == 12 and [row.parameters for row in table.rows] == [0, 12, 0, 0]


def test_a_module_that_is_called_twice_shows_its_first_call():
    conv = nn.Conv2d(1, 1, 3)
    rows = nn.summary(nn.Sequential(conv, conv), (1, 1, 9, 9)).rows
    assert [(row.output_shape, row.receptive_field) for row in rows[1:]] == [((1, 1, 7, 7), (3, 3))] * 2
    assert rows[0].receptive_field == (5, 5)


class Nosy(nn.Module):
    """Draws random numbers, changes its buffers in both ways, notes how it was called, and may fail."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", dlkit.zeros(1))
        self.register_buffer("last", dlkit.zeros(1))
        self.norm, self.fail = nn.BatchNorm1d(3), False

    def forward(self, x):
        self.modes = self.training, self.norm.training, dlkit.is_grad_enabled()
        self.count += 1
        self.last = dlkit.randn(1)
        if self.fail:
            raise ArithmeticError
        return self.norm(x)


@pytest.mark.parametrize("fail", [False, True])
def test_the_model_is_left_as_it_was(fail):
    model, call = Nosy(), nn.Module.__call__
    model.fail, model.norm.training = fail, False
    count, last, before = model.count, model.last, model.state_dict()
    x = dlkit.ones(2, 3, requires_grad=True)
    pending = model.norm(x).sum()
    dlkit.manual_seed(3)
    expected = dlkit.rand(3).tolist()
    dlkit.manual_seed(3)
    if fail:
        with pytest.raises(ArithmeticError):
            nn.summary(model, (2, 3))
    else:
        nn.summary(model, (2, 3))
    assert model.modes == (False, False, False)
    assert model.training and not model.norm.training and dlkit.is_grad_enabled()
    assert model.count is count and model.last is last
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
    assert dlkit.rand(3).tolist() == expected
    assert nn.Module.__call__ is call
    pending.backward()  # nothing that it needs was touched
