"""Convolution beyond the parity table: random arguments, definition and matrix, sizes, receptive fields, layers."""

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dlkit
from dlkit import convolution, nn
from dlkit.convolution import conv2d_loops, conv_matrix, output_size, receptive_field
from dlkit.nn import functional as F

small = st.integers(1, 3)
blocks = st.sampled_from([1, 3000, 10**6])  # bytes: a row at a time, a few rows, everything at once


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def same(function, torch_function, *arrays):
    """Values and gradients of both, to rounding error."""
    ours = [dlkit.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    value, expected = function(*ours), torch_function(*theirs)
    assert value.shape == tuple(expected.shape)
    g = normal(*value.shape, seed=1)
    value.backward(dlkit.tensor(g))
    expected.backward(torch.tensor(g))
    for a, b in zip([value.detach(), *(x.grad for x in ours)], [expected.detach(), *(x.grad for x in theirs)]):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-10)


@settings(max_examples=150, deadline=None)
@given(
    kernel=st.tuples(small, small), stride=st.tuples(small, small), padding=st.tuples(small, small),
    dilation=st.tuples(small, small), groups=st.sampled_from([1, 2, 4]),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)), block=blocks,
)  # fmt: skip
def test_conv2d_with_any_arguments(kernel, stride, padding, dilation, groups, size, block):
    arrays = normal(2, 4, *size), normal(8, 4 // groups, *kernel), normal(8)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    with mock.patch.object(convolution, "BLOCK", block):
        same(lambda *a: F.conv2d(*a, **options), lambda *a: torch.nn.functional.conv2d(*a, **options), *arrays)


@pytest.mark.parametrize("function", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize("tracked", [(0,), (1,), (0, 1)])
def test_gradients_of_only_some_inputs_and_twice(function, tracked):
    """Both gradients come from one computation; each must be right whoever asks, and again on a kept graph."""
    x, w, g = normal(2, 3, 6, 7), normal(3, 3, 3, 2), None
    results = []
    for t, f in ((dlkit, getattr(F, function)), (torch, getattr(torch.nn.functional, function))):
        inputs = [t.tensor(a, requires_grad=i in tracked) for i, a in enumerate((x, w))]
        y = f(*inputs, stride=2, padding=1)
        for factor in (1.0, -3.0):
            g = t.tensor(factor * normal(*y.shape, seed=2))
            y.backward(g, retain_graph=True)
        results.append([inputs[i].grad.numpy() for i in tracked])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@settings(max_examples=100, deadline=None)
@given(
    kernel=st.tuples(small, small), stride=st.tuples(small, small), dilation=st.tuples(small, small),
    groups=st.sampled_from([1, 2]), extra=st.integers(0, 2), padding=st.integers(0, 1), block=blocks,
)  # fmt: skip
def test_conv_transpose2d_with_any_arguments(kernel, stride, dilation, groups, extra, padding, block):
    extra = tuple(min(extra, max(s, d) - 1) for s, d in zip(stride, dilation))
    arrays = normal(2, 4, 5, 6), normal(4, 3, *kernel), normal(3 * groups)
    options = {
        "stride": stride, "padding": padding, "output_padding": extra, "groups": groups, "dilation": dilation
    }  # fmt: skip
    with mock.patch.object(convolution, "BLOCK", block):
        same(
            lambda *a: F.conv_transpose2d(*a, **options),
            lambda *a: torch.nn.functional.conv_transpose2d(*a, **options),
            *arrays,
        )


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 2, 2)])
def test_definition_and_matrix_give_the_same(stride, padding, dilation):
    x, w = normal(2, 3, 6, 7), normal(4, 3, 3, 2)
    fast = F.conv2d(dlkit.tensor(x), dlkit.tensor(w), None, stride, padding, dilation).numpy()
    np.testing.assert_allclose(conv2d_loops(x, w, stride, padding, dilation), fast, atol=1e-12)
    matrix = conv_matrix(w, (6, 7), stride, padding, dilation)
    np.testing.assert_allclose((matrix @ x.reshape(2, -1).T).T.reshape(fast.shape), fast, atol=1e-12)


def test_transposed_convolution_is_the_transposed_matrix():
    w, y = normal(4, 3, 3, 2), normal(2, 4, 4, 6)
    expected = (y.reshape(2, -1) @ conv_matrix(w, (6, 7))).reshape(2, 3, 6, 7)
    np.testing.assert_allclose(F.conv_transpose2d(dlkit.tensor(y), dlkit.tensor(w)).numpy(), expected, atol=1e-12)


@given(
    size=st.integers(4, 20), kernel=st.integers(1, 4), stride=small, padding=st.integers(0, 2), ceil_mode=st.booleans()
)
def test_output_size_counts_windows(size, kernel, stride, padding, ceil_mode):
    padding = min(padding, kernel // 2)
    pooled = torch.nn.functional.max_pool2d(torch.zeros(1, 1, size, size), kernel, stride, padding, ceil_mode=ceil_mode)
    assert output_size(size, kernel, stride, padding, 1, ceil_mode) == pooled.shape[-1]


def test_receptive_field_is_where_the_gradient_is():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 2, dilation=3))
    for layer in net:
        nn.init.ones_(layer.weight)
    size, jump, start = receptive_field([(3, 1, 1), (3, 2), (2, 1, 0, 3)])
    x = dlkit.zeros(1, 1, 30, 30, requires_grad=True)
    net(x)[0, 0, 2, 3].backward()
    rows, columns = np.nonzero(x.grad.numpy()[0, 0])
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (size, size) == (11, 11)
    assert (rows.min() + rows.max()) / 2 == start + 2 * jump
    assert (columns.min() + columns.max()) / 2 == start + 3 * jump


LAYERS = [
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, (2, 4, 9)),
    ("Conv2d", (4, 6, (3, 2)), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}, (2, 4, 9, 8)),
    ("Conv2d", (4, 6, 3), {"padding": "same", "bias": False}, (2, 4, 9, 8)),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (2, 4, 5, 5)),
    ("MaxPool2d", (2,), {}, (2, 4, 9, 8)),
    ("MaxPool2d", (3, 2), {"padding": 1, "ceil_mode": True}, (2, 4, 9, 8)),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (2, 4, 9, 8)),
    ("AdaptiveAvgPool2d", ((2, 3),), {}, (2, 4, 9, 8)),
    ("Upsample", (), {"scale_factor": 2}, (2, 4, 3, 3)),
    ("Upsample", (), {"size": (5, 7), "mode": "bilinear"}, (2, 4, 3, 3)),
]


@pytest.mark.parametrize(("name", "arguments", "options", "shape"), LAYERS)
def test_layers_are_those_of_pytorch(float64, name, arguments, options, shape):
    ours = getattr(nn, name)(*arguments, **options)
    theirs = getattr(torch.nn, name)(*arguments, **options)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    same(ours, theirs, normal(*shape))
    for parameter, expected in zip(ours.parameters(), theirs.parameters()):
        np.testing.assert_allclose(parameter.grad.numpy(), expected.grad.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("row", LAYERS[:4], ids=str)
def test_initial_values_have_pytorchs_bounds(row):
    name, arguments, options, _ = row
    layers = [getattr(lib, name)(64, 64, *arguments[2:], **options) for lib in (nn, torch.nn)]
    ours, theirs = (np.concatenate([np.asarray(p.tolist()).ravel() for p in layer.parameters()]) for layer in layers)
    assert abs(ours).max() == pytest.approx(abs(theirs).max(), rel=0.02)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [row[:3] for row in LAYERS if "Pool2d" not in row[0] and row[0] != "Upsample"],
    ids=str,
)
def test_repr_is_pytorchs(name, arguments, options):
    assert repr(getattr(nn, name)(*arguments, **options)) == repr(getattr(torch.nn, name)(*arguments, **options))


def test_a_small_network_learns_as_pytorchs_does(float64):
    def network(lib):
        return lib.Sequential(
            lib.Conv2d(1, 4, 3, padding=1), lib.ReLU(), lib.MaxPool2d(2), lib.Conv2d(4, 8, 3), lib.ReLU(),
            lib.Flatten(), lib.Linear(32, 10),
        )  # fmt: skip

    images, labels = dlkit.data.digits()
    ours, theirs = network(nn), network(torch.nn)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    losses = []
    for lib, net in ((dlkit, ours), (torch, theirs)):
        optimizer, log = lib.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), []
        for start in range(0, 320, 32):
            x, y = lib.tensor(images[start : start + 32]), lib.tensor(labels[start : start + 32])
            loss = lib.nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log.append(loss.item())
        losses.append(log)
    np.testing.assert_allclose(*losses, rtol=1e-9)


def test_sizes_by_default_are_those_of_stride_1_without_padding_and_dilation():
    assert output_size(9, 3) == 7 and output_size(9, kernel_size=3, stride=2) == 4 and output_size(9, 3, 1, 1) == 9
    assert receptive_field([(3,), (3,)]) == receptive_field([(3, 1, 0, 1)] * 2) == (5, 1, 2.0)


@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 2, 3), (2, 1, 3)])
def test_conv1d_keeps_dimensions_of_length_1(shape):
    weight = dlkit.ones(1, shape[1], 3)
    assert F.conv1d(dlkit.ones(*shape), weight).shape == (shape[0], 1, shape[2] - 2)


def test_definition_and_matrix_by_default_and_for_a_kernel_of_three_different_lengths():
    x, w = normal(2, 2, 6, 7), normal(4, 2, 3, 5)
    fast = F.conv2d(dlkit.tensor(x), dlkit.tensor(w)).numpy()
    np.testing.assert_allclose(conv2d_loops(x, w), fast, atol=1e-12)
    np.testing.assert_allclose(x.reshape(2, -1) @ conv_matrix(w, (6, 7)).T, fast.reshape(2, -1), atol=1e-12)


def test_transposed_convolution_down_to_a_single_pixel():
    x, w = normal(1, 1, 1, 1), normal(1, 1, 3, 3)
    assert F.conv_transpose2d(dlkit.tensor(x), dlkit.tensor(w), padding=1).item() == pytest.approx(
        (x * w[0, 0, 1, 1]).item()
    )


@pytest.mark.parametrize("bias", [None, dlkit.ones(1)])
def test_the_graph_names_the_operation(bias):
    x, w = dlkit.ones(1, 1, 3, 3, requires_grad=True), dlkit.ones(1, 1, 2, 2)
    assert F.conv2d(x, w, bias).node.name == "conv2d"
    assert F.conv_transpose2d(x, w, bias).node.name == "conv_transpose2d"
