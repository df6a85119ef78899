"""What a tensor shows, what it becomes as an array, and what each change in place does."""

import numpy as np
import pytest

import dlkit


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dlkit.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
        (lambda: dlkit.tensor(3), "tensor(3)"),
        (lambda: dlkit.tensor([1 / 3]), "tensor([0.3333])"),
        (lambda: dlkit.tensor([[1.0, 2.0], [3.0, 4.0]]), "tensor([[1., 2.],\n        [3., 4.]])"),
        (lambda: dlkit.zeros(30), "tensor([" + "0., " * 16 + "0.,\n        " + "0., " * 12 + "0.])"),
        (lambda: dlkit.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: dlkit.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<mul>)"),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text


def test_repr_of_a_node_names_operation_and_shape():
    assert repr((dlkit.ones(2, 3, requires_grad=True) * 2).node) == "<mul (2, 3)>"


def test_format():
    assert f"{dlkit.tensor(0.5):.3f}" == "0.500"
    assert f"{dlkit.tensor([0.5])}" == "tensor([0.5000])" or f"{dlkit.tensor([0.5])}" == "tensor([0.5])"


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_integer_tensor_is_an_index(kind):
    assert ["a", "b"][dlkit.from_numpy(np.array(1, dtype=kind))] == "b"


@pytest.mark.parametrize("kind", ["float32", "bool"])
def test_other_tensors_are_no_index(kind):
    with pytest.raises(TypeError, match=f"only an integer tensor can be an index, this one is {kind}"):
        ["a", "b"][dlkit.from_numpy(np.array(1, dtype=kind))]


class TestAsArray:
    def test_shares_memory_unless_a_copy_is_asked_for(self):
        x = dlkit.ones(3)
        assert np.shares_memory(np.asarray(x), x.data)
        assert not np.shares_memory(np.array(x), x.data)

    def test_takes_a_dtype(self):
        assert np.asarray(dlkit.ones(3), dtype="float64").dtype == "float64"
        assert np.asarray(dlkit.tensor([1, 2]), dtype="float32").tolist() == [1, 2]

    @pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="copy=False is new in NumPy 2")
    def test_refuses_a_copy_that_is_needed(self):
        with pytest.raises(ValueError):
            np.array(dlkit.ones(3), dtype="float64", copy=False)

    def test_not_with_a_gradient(self):
        with pytest.raises(RuntimeError, match="detach"):
            np.asarray(dlkit.ones(3, requires_grad=True))

    def test_cpu_is_itself(self):
        x = dlkit.ones(2)
        assert x.device == "cpu" and x.cpu() is x and x.to("cpu") is x and x.to("float32") is x


CHANGES = {
    "fill_": (lambda x: x.fill_(7.0), [7, 7, 7]),
    "fill_ with a tensor": (lambda x: x.fill_(dlkit.tensor(7.0)), [7, 7, 7]),
    "zero_": (lambda x: x.zero_(), [0, 0, 0]),
    "copy_": (lambda x: x.copy_(dlkit.tensor([4.0, 5.0, 6.0])), [4, 5, 6]),
    "copy_ of an array": (lambda x: x.copy_(np.array([4, 5, 6])), [4, 5, 6]),
    "copy_ broadcasts": (lambda x: x.copy_(dlkit.tensor([4.0])), [4, 4, 4]),
    "element": (lambda x: x.__setitem__(1, 9.0), [1, 9, 3]),
    "element from a tensor": (lambda x: x.__setitem__(1, dlkit.tensor(9.0)), [1, 9, 3]),
    "slice": (lambda x: x.__setitem__(slice(1, None), 0.0), [1, 0, 0]),
    "mask": (lambda x: x.__setitem__(x > 1, 0.0), [1, 0, 0]),
    "mask as an array": (lambda x: x.__setitem__(np.array([True, False, True]), 0.0), [0, 2, 0]),
    "index tensor": (lambda x: x.__setitem__(dlkit.tensor([0, 2]), 0.0), [0, 2, 0]),
    "tuple": (lambda x: x.__setitem__((dlkit.tensor([0, 2]),), 0.0), [0, 2, 0]),
    "+=": (lambda x: x.__iadd__(1), [2, 3, 4]),
    "-=": (lambda x: x.__isub__(1), [0, 1, 2]),
    "*=": (lambda x: x.__imul__(2), [2, 4, 6]),
    "/=": (lambda x: x.__itruediv__(2), [0.5, 1, 1.5]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_in_place(name):
    change, expected = CHANGES[name]
    x = dlkit.tensor([1.0, 2.0, 3.0])
    view, memory = x.reshape(3, 1), x.data
    result = change(x)
    assert x.tolist() == expected and (result is x or result is None)
    assert x.data is memory and view.flatten().tolist() == expected


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("times", [1, 2])
def test_every_change_is_counted(name, times):
    """The message says how often the saved tensor was changed: once per change, since it was saved."""
    change, _ = CHANGES[name]
    x = dlkit.tensor([1.0, 2.0, 3.0])
    change(x)  # before it is used: not counted
    y = (x * dlkit.ones(3, requires_grad=True)).sum()
    for _ in range(times):
        change(x)
    with pytest.raises(RuntimeError, match=rf"changed in place {times} time\(s\) since"):
        y.backward()


RECORDED = {
    "fill_": lambda x: x.fill_(7.0),
    "zero_": lambda x: x.zero_(),
    "copy_": lambda x: x.copy_(dlkit.ones(2)),
    "assigning to elements": lambda x: x.__setitem__(0, 1.0),
}


@pytest.mark.parametrize("what", RECORDED)
def test_message_of_a_change_that_would_lose_a_gradient(what):
    with pytest.raises(RuntimeError, match=f"^{what} is not recorded"):
        RECORDED[what](dlkit.ones(2, requires_grad=True) * 2)
    if what != "assigning to elements":
        with pytest.raises(RuntimeError, match=f"^{what}: a leaf that requires a gradient cannot be changed in place"):
            RECORDED[what](dlkit.ones(2, requires_grad=True))


@pytest.mark.parametrize("assign", [lambda x, v: x.copy_(v), lambda x, v: x.__setitem__(slice(None), v)])
def test_a_value_with_a_gradient_is_not_lost_either(assign):
    x, value = dlkit.zeros(2), dlkit.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="not recorded"):
        assign(x, value)
    assert x.tolist() == [0, 0]
    with dlkit.no_grad():
        assign(x, value)
    assert x.tolist() == [1, 1]


def test_augmented_assignment_under_no_grad_leaves_the_graph_alone():
    w, y = dlkit.ones(2, requires_grad=True), dlkit.ones(2, requires_grad=True) * 3
    view = w.detach().reshape(2, 1)
    with dlkit.no_grad():
        w += y  # w and its view share memory, y is recorded: both do not matter here
    assert w.is_leaf and w.tolist() == [4, 4] and view.tolist() == [[4], [4]]


def test_grad_frees_the_graph():
    x = dlkit.ones(2, requires_grad=True)
    y = (x * x).sum()
    dlkit.grad(y, x)
    with pytest.raises(RuntimeError, match="was freed"):
        dlkit.grad(y, x)


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (1, 1), (3,), (1,), ()])
def test_broadcasting_is_undone(shape):
    """The gradient of a sum over a broadcast tensor counts how often each element was repeated."""
    x = dlkit.ones(*shape, requires_grad=True)
    (x + dlkit.zeros(4, 2, 3)).sum().backward()
    assert x.grad.shape == shape and (x.grad.data == 24 / x.numel()).all()


@pytest.mark.parametrize("gradient", [np.array([1.0, 2.0]), dlkit.tensor([1.0, 2.0]), np.array([1.0, 2.0], "float32")])
def test_backward_takes_a_tensor_or_an_array(gradient):
    x = dlkit.ones(2, requires_grad=True)
    (x * 3).backward(gradient)
    assert x.grad.tolist() == [3, 6] and x.grad.dtype == dlkit.float32


def test_a_step_of_an_optimizer_is_one_change():
    w = dlkit.ones(2, requires_grad=True)
    w.grad = dlkit.ones(2)
    optimizer = dlkit.optim.SGD([w], lr=0.1)
    optimizer.step()
    y = (w * w).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"changed in place 1 time\(s\) since"):
        y.backward()
