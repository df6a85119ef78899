"""The engine: what backward, the tape, in-place changes and dtypes mean, and that deep graphs are no problem."""

import gc
import operator as operators
import re
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dlkit

LIBRARIES = pytest.mark.parametrize("t", [dlkit, torch], ids=["dlkit", "torch"])  # the same must hold in both


def leaf(t, *values):
    return t.tensor([*map(float, values)], requires_grad=True)


def close(tensor, values):
    assert tensor is not None
    np.testing.assert_allclose(tensor.detach().numpy(), values, rtol=1e-6)


# --- backward -----------------------------------------------------------------------------------------------------


@LIBRARIES
class TestBackward:
    def test_accumulates_into_leaves(self, t):
        x = leaf(t, 1, 2)
        (x * x).sum().backward()
        (3 * x).sum().backward()
        close(x.grad, [5, 7])

    def test_a_value_used_twice(self, t):
        x = leaf(t, 2)
        y = x * x
        (y * y + y).sum().backward()
        close(x.grad, [4 * 8 + 2 * 2])

    def test_the_same_tensor_on_both_sides(self, t):
        x = leaf(t, 3)
        (x * x - x / x).sum().backward()
        close(x.grad, [6])

    def test_retained_graph_can_be_swept_again(self, t):
        x = leaf(t, 2)
        y = (x * x).sum()
        y.backward(retain_graph=True)
        y.backward()
        close(x.grad, [8])

    def test_freed_graph_raises(self, t):
        x = leaf(t, 2)
        y = (x * x).sum()
        y.backward()
        with pytest.raises(RuntimeError, match="retain_graph=True"):
            y.backward()
        close(x.grad, [4])

    def test_part_of_a_freed_graph_raises(self, t):
        x = leaf(t, 2)
        y = x * x
        y.sum().backward()
        with pytest.raises(RuntimeError, match="freed"):
            (y * 2).sum().backward()

    def test_gradient_argument(self, t):
        x = leaf(t, 1, 2)
        (x * x).backward(t.tensor([10.0, 1.0]))
        close(x.grad, [20, 4])

    @pytest.mark.parametrize("shape", [(3,), (2, 1), ()])
    def test_gradient_of_another_shape_raises(self, t, shape):
        with pytest.raises(RuntimeError, match="shape"):
            (leaf(t, 1, 2) * 2).backward(t.ones(*shape) if shape else t.tensor(1.0))

    @pytest.mark.parametrize("values", [(1, 2), ()])
    def test_several_elements_need_a_gradient(self, t, values):
        with pytest.raises(RuntimeError):
            (leaf(t, *values) * 2).backward()

    def test_one_element_of_any_shape_needs_none(self, t):
        x = t.ones(1, 1, requires_grad=True)
        (x * 3).backward()
        close(x.grad, [[3]])

    def test_of_a_leaf_itself(self, t):
        x = leaf(t, 5)
        x.backward()
        close(x.grad, [1])

    def test_of_a_constant_raises(self, t):
        with pytest.raises(RuntimeError, match="does not require"):
            t.ones(1).backward()

    def test_gradients_of_inner_values_are_not_kept(self, t):
        x = leaf(t, 2)
        y = x * 2
        z = y * 3
        y.retain_grad()
        z.sum().backward()
        close(y.grad, [3])
        close(x.grad, [6])

    def test_retain_grad_of_a_constant_raises(self, t):
        with pytest.raises(RuntimeError):
            t.ones(1).retain_grad()

    def test_gradient_is_no_alias(self, t):
        x, y = leaf(t, 1), leaf(t, 2)
        (x + y).sum().backward()
        with t.no_grad():
            x.grad += 1
        close(y.grad, [1])

    def test_gradient_has_the_dtype_of_the_leaf(self, t):
        x = t.ones(2, dtype=t.float32, requires_grad=True)
        (x * t.ones(2, dtype=t.float64)).sum().backward()
        assert x.grad.dtype == t.float32

    def test_a_leaf_that_is_gone(self, t):
        x, y = leaf(t, 1), leaf(t, 2)
        z = (x * y).sum()
        del x
        z.backward()
        close(y.grad, [1])

    def test_requires_grad_switched_off_and_on(self, t):
        x = leaf(t, 1)
        assert not x.requires_grad_(False).requires_grad
        assert not (x * 2).requires_grad
        x.requires_grad = True
        (x * 2).sum().backward()
        close(x.grad, [2])

    def test_only_leaves_can_be_switched_off(self, t):
        with pytest.raises(RuntimeError, match="detach"):
            (leaf(t, 1) * 2).requires_grad_(False)

    @pytest.mark.parametrize("values", [[1, 2], [True]])
    def test_only_floats_can_require_a_gradient(self, t, values):
        with pytest.raises(RuntimeError, match="float"):
            t.tensor(values, requires_grad=True)
        with pytest.raises(RuntimeError, match="float"):
            t.tensor(values).requires_grad_()

    def test_is_leaf(self, t):
        x = leaf(t, 1)
        y = x * 2
        with t.no_grad():
            z = x * 2
        assert (x.is_leaf, y.is_leaf, z.is_leaf, y.detach().is_leaf) == (True, False, True, True)


@LIBRARIES
class TestGrad:
    @staticmethod
    def grad(t, *args, **kwargs):
        return (t.grad if t is dlkit else t.autograd.grad)(*args, **kwargs)

    def test_returns_without_accumulating(self, t):
        x, y = leaf(t, 2), leaf(t, 3)
        found = self.grad(t, (x * x * y).sum(), [y, x])
        close(found[0], [4])
        close(found[1], [12])
        assert x.grad is None and y.grad is None

    def test_of_an_inner_value(self, t):
        x = leaf(t, 2)
        y = x * x
        (found,) = self.grad(t, (y * y).sum(), y)
        close(found, [8])

    def test_grad_outputs_and_retain_graph(self, t):
        x = leaf(t, 1, 2)
        y = x * x
        (first,) = self.grad(t, y, x, grad_outputs=t.tensor([1.0, 0.0]), retain_graph=True)
        (second,) = self.grad(t, y, x, grad_outputs=t.tensor([0.0, 1.0]))
        close(first, [2, 0])
        close(second, [0, 4])

    def test_unused_input(self, t):
        x, y = leaf(t, 2), leaf(t, 3)
        with pytest.raises(RuntimeError, match="allow_unused"):
            self.grad(t, x.sum(), [x, y])
        assert self.grad(t, x.sum(), [x, y], allow_unused=True)[1] is None


# --- the tape switched off ----------------------------------------------------------------------------------------


@LIBRARIES
class TestNoGrad:
    def test_context(self, t):
        x = leaf(t, 1)
        with t.no_grad():
            assert not t.is_grad_enabled()
            assert not (x * 2).requires_grad
        assert t.is_grad_enabled()
        assert (x * 2).requires_grad

    def test_nested(self, t):
        with t.no_grad():
            with t.no_grad():
                pass
            assert not t.is_grad_enabled()
        assert t.is_grad_enabled()

    def test_survives_an_exception(self, t):
        with pytest.raises(KeyError), t.no_grad():
            raise KeyError
        assert t.is_grad_enabled()

    def test_decorator_of_a_recursive_function(self, t):
        @t.no_grad()
        def down(n):
            """Doc."""
            assert not t.is_grad_enabled()
            return n and down(n - 1)

        assert down(3) == 0
        assert t.is_grad_enabled()
        assert down.__name__ == "down" and down.__doc__ == "Doc."

    def test_new_leaves_still_require_a_gradient(self, t):
        with t.no_grad():
            x = t.ones(1, requires_grad=True)
        assert x.requires_grad


@LIBRARIES
class TestDetach:
    def test_cuts_the_graph(self, t):
        x = leaf(t, 2)
        y = x * x
        (y.detach() * x).sum().backward()
        close(x.grad, [4])

    def test_shares_memory(self, t):
        x = t.ones(2)
        x.detach().fill_(3.0)
        close(x, [3, 3])

    def test_numpy_needs_it(self, t):
        with pytest.raises(RuntimeError, match="detach"):
            leaf(t, 1).numpy()


# --- in-place changes ---------------------------------------------------------------------------------------------

HARMLESS = {  # operations whose products do not need the changed value
    "operand of a sum": lambda t, x: (x, x + 1.0),
    "operand of a product with a constant": lambda t, x: (x, x * 2.0),
    "input of exp": lambda t, x: (x, t.exp(x)),
    "input of a sum over elements": lambda t, x: (x, x.sum() * x.sum()),
}
HARMFUL = {
    "factor": lambda t, x: (x, x * x),
    "divisor": lambda t, x: (x, x / x),
    "base": lambda t, x: (x, x**3),
    "input of log": lambda t, x: (x, t.log(x)),
    "result of exp": lambda t, x: (y := t.exp(x), y * 1.0),
    "result of tanh": lambda t, x: (y := t.tanh(x), y + 1.0),
    "result of sigmoid": lambda t, x: (y := t.sigmoid(x), y + 1.0),
    "matrix": lambda t, x: (x, x[:, None] @ x[None, :]),
    "norm": lambda t, x: (x, t.norm(x)),
    "through a view": lambda t, x: (x.view(-1), x * x),
    "through a transpose": lambda t, x: (x.reshape(2, 1).T, x * x),
    "through a slice": lambda t, x: (x[:1], x * x),
    "through a single element": lambda t, x: (x[0], x * x),
    "through a NumPy integer": lambda t, x: (x.reshape(1, 2)[np.int64(0)], x * x),
    "through detach": lambda t, x: (x.detach(), x * x),
    "base of a view": lambda t, x: (x, x.view(2, 1) * x[:, None]),
}


@LIBRARIES
class TestInPlace:
    @pytest.mark.parametrize("case", HARMLESS)
    def test_harmless_changes_are_allowed(self, t, case):
        x = leaf(t, 1, 2) * 1.0
        changed, y = HARMLESS[case](t, x)
        with t.no_grad():
            changed += 1.0
        y.sum().backward()

    @pytest.mark.parametrize("case", HARMFUL)
    def test_harmful_changes_are_caught(self, t, case):
        x = leaf(t, 1, 2) * 1.0
        changed, y = HARMFUL[case](t, x)
        with t.no_grad():
            changed += 1.0
        with pytest.raises(RuntimeError, match="in place|inplace"):
            y.sum().backward()

    @pytest.mark.parametrize("change", ["add", "fill_", "zero_", "copy_", "setitem", "sub", "mul", "div"])
    def test_every_way_to_change_is_seen(self, t, change):
        w = leaf(t, 1, 2)
        y = (w * w).sum()
        with t.no_grad():
            {
                "add": lambda: w.__iadd__(1),
                "sub": lambda: w.__isub__(1),
                "mul": lambda: w.__imul__(2),
                "div": lambda: w.__itruediv__(2),
                "fill_": lambda: w.fill_(5.0),
                "zero_": lambda: w.zero_(),
                "copy_": lambda: w.copy_(t.tensor([5.0, 5.0])),
                "setitem": lambda: w.__setitem__(0, 5.0),
            }[change]()
        with pytest.raises(RuntimeError, match="in place|inplace"):
            y.backward()

    def test_augmented_assignment_is_recorded(self, t):
        x, y = leaf(t, 1, 2), leaf(t, 3, 4)
        z = x * 2
        same = z
        z += y
        z *= 3.0
        assert z is same
        close(z, [15, 24])
        z.sum().backward()
        close(x.grad, [6, 6])
        close(y.grad, [3, 3])

    def test_a_constant_becomes_part_of_the_graph(self, t):
        x, total = leaf(t, 1, 2), t.zeros(2)
        total += x
        total -= x * x
        assert not total.is_leaf
        total.sum().backward()
        close(x.grad, [-1, -3])

    def test_leaf_cannot_be_changed_while_recording(self, t):
        x = leaf(t, 1)
        for change in (lambda: x.__iadd__(1), lambda: x.fill_(0.0), lambda: x.zero_(), lambda: x.__setitem__(0, 1.0)):
            with pytest.raises(RuntimeError):
                change()
        close(x, [1])

    def test_leaf_can_be_changed_without_recording(self, t):
        x = leaf(t, 1)
        with t.no_grad():
            x -= 0.5
        assert x.requires_grad and x.is_leaf
        close(x, [0.5])
        x.sum().backward()
        close(x.grad, [1])

    def test_result_that_does_not_fit_raises(self, t):
        with pytest.raises(RuntimeError):
            x = t.ones(2)
            x += t.ones(3, 2)
        with pytest.raises(RuntimeError):
            x = t.tensor([1, 2])
            x += 0.5

    def test_dtype_is_kept(self, t):
        x = t.ones(2, dtype=t.float32)
        x += t.ones(2, dtype=t.float64)
        assert x.dtype == t.float32

    def test_change_before_use_is_no_problem(self, t):
        x = t.ones(2)
        x[0] = 5.0
        w = leaf(t, 1, 1)
        (w * x).sum().backward()
        close(w.grad, [5, 1])

    def test_single_element_is_a_view(self, t):
        x = t.zeros(3)
        x[1].fill_(4.0)
        close(x, [0, 4, 0])


def test_message_names_operation_and_shape():
    x = dlkit.ones(2, 3, requires_grad=True) * 1
    y = dlkit.exp(x)
    y += 1
    with pytest.raises(RuntimeError, match=re.escape("'exp' needs the values of a tensor of shape (2, 3)")):
        y.sum().backward()


@pytest.mark.parametrize("change", [lambda y: y.fill_(0.0), lambda y: y.copy_(dlkit.ones(2)), lambda y: y.zero_()])
def test_overwriting_a_recorded_value_raises_rather_than_give_a_wrong_gradient(change):
    x = leaf(dlkit, 1, 2)
    with pytest.raises(RuntimeError, match="not recorded"):
        change(x * 2)


def test_recorded_change_of_shared_memory_raises():
    x = leaf(dlkit, 1, 2) * 2
    view = x.reshape(2, 1)
    with pytest.raises(RuntimeError, match="shares this memory"):
        x += 1
    assert view.shape == (2, 1)


# --- dtypes -------------------------------------------------------------------------------------------------------

OPERANDS = {
    "True": lambda t: True,
    "2": lambda t: 2,
    "2.5": lambda t: 2.5,
    "bool": lambda t: t.tensor([True, False]),
    "int64": lambda t: t.tensor([1, 2]),
    "float32": lambda t: t.ones(2, dtype=t.float32),
    "float64": lambda t: t.ones(2, dtype=t.float64),
    "0-d int64": lambda t: t.tensor(2),
    "0-d float32": lambda t: t.tensor(2.5, dtype=t.float32),
    "0-d float64": lambda t: t.tensor(2.5, dtype=t.float64),
}
PAIRS = [(a, b) for a in OPERANDS for b in OPERANDS if not (a in ("True", "2", "2.5") and b in ("True", "2", "2.5"))]


@pytest.mark.parametrize("operator", ["add", "mul", "truediv"])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_promotion(a, b, operator):
    def dtype(t):
        return str(getattr(operators, operator)(OPERANDS[a](t), OPERANDS[b](t)).detach().numpy().dtype)

    assert dtype(dlkit) == dtype(torch)


@pytest.mark.parametrize("default", ["float32", "float64"])
@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.tensor(1.5),
        lambda t: t.tensor([1, 2]),
        lambda t: t.tensor([1, 2.0]),
        lambda t: t.tensor([True]),
        lambda t: t.tensor([]),
        lambda t: t.tensor(np.float64(1.5)),
        lambda t: t.tensor(np.ones(2)),
        lambda t: t.tensor(np.ones(2, np.float32)),
        lambda t: t.tensor([1, 2], dtype=t.float64),
        lambda t: t.from_numpy(np.ones(2)),
        lambda t: t.zeros(2, 3),
        lambda t: t.ones((2, 3), dtype=t.int64),
        lambda t: t.full((2,), 3),
        lambda t: t.full((2, 1), 3.0),
        lambda t: t.full((2,), True),
        lambda t: t.arange(5),
        lambda t: t.arange(1, 7, 2),
        lambda t: t.arange(0, 1, 0.25),
        lambda t: t.arange(3.0),
        lambda t: t.linspace(0, 1, 5),
        lambda t: t.eye(2),
        lambda t: t.eye(2, 3),
        lambda t: t.zeros_like(t.tensor([1, 2])),
        lambda t: t.ones_like(t.ones(2, 2)),
        lambda t: t.full_like(t.ones(2), 7),
        lambda t: t.tensor([1, 2]) * 1.5,
        lambda t: t.tensor([1, 2]).float(),
        lambda t: t.tensor([1.7, -2.7]).long(),
        lambda t: t.ones(2).double(),
        lambda t: t.where(t.tensor([True]), 1.0, 0.0),
        lambda t: ~t.tensor([True, False]) & t.tensor([True, True]) | t.tensor([False, True]),
    ],
)
def test_creation(make, default):
    for t in (dlkit, torch):
        t.set_default_dtype(getattr(t, default))
    ours, theirs = make(dlkit).numpy(), make(torch).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_random_creation():
    dlkit.manual_seed(1)
    first = [dlkit.rand(3, 4), dlkit.randn((50, 40)), dlkit.normal(2.0, 0.5, (1000,)), dlkit.randint(2, 5, (200,))]
    permutation = dlkit.randperm(10)
    dlkit.manual_seed(1)
    assert (dlkit.rand(3, 4) == first[0]).sum().item() == 12
    assert 0 <= first[0].min().item() and first[0].max().item() < 1
    assert abs(first[1].mean().item()) < 0.1 and abs(first[1].std().item() - 1) < 0.1
    assert abs(first[2].mean().item() - 2) < 0.1 and abs(first[2].std().item() - 0.5) < 0.1
    assert set(first[3].tolist()) == {2, 3, 4}
    assert sorted(permutation.tolist()) == list(range(10))
    assert first[0].dtype == first[1].dtype == dlkit.float32


def test_tensor_copies_and_from_numpy_does_not():
    array = np.zeros(2)
    copied, shared = dlkit.tensor(array), dlkit.from_numpy(array)
    array[0] = 1
    assert copied.tolist() == [0, 0] and shared.tolist() == [1, 0]


@LIBRARIES
def test_small_methods(t):
    x = t.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert (tuple(x.shape), tuple(x.size()), x.size(1), x.dim(), x.ndim, x.numel(), len(x)) == (
        (2, 3), (2, 3), 3, 2, 2, 6, 2,
    )  # fmt: skip
    assert x[0].tolist() == [1, 2, 3] and x[1, 2].item() == 6
    assert [row.sum().item() for row in x] == [6, 15]
    assert float(x[0, 0]) == 1 and int(x[0, 1]) == 2 and bool(x[0, 0]) and [10, 20][t.tensor(1)] == 20
    assert f"{x[0, 0]:.2f}" == "1.00"
    assert (np.ones(3) * x.double()[0]).tolist() == [1, 2, 3] if t is dlkit else True
    assert np.asarray(x).shape == (2, 3)
    assert x in {x}
    y = x.clone()
    y[0] = 0.0
    assert x[0, 0].item() == 1


# --- deep graphs, memory ------------------------------------------------------------------------------------------

DEPTH = 100_000


@pytest.fixture
def no_collector():
    """No garbage collector: what is freed is freed because nothing refers to it."""
    gc.collect()
    gc.disable()
    chain(dlkit.ones(3, requires_grad=True), DEPTH // 5)  # fills Python's free lists of small tuples and lists
    yield
    gc.enable()


def chain(x, depth=DEPTH):
    y = x
    for _ in range(depth // 4):
        y = (y + 1.0) * 1.00001
        y = -(y - 1.0)
    return y.sum()


used = sys.getallocatedblocks  # small objects of Python that are alive


def test_long_chain_forward_and_backward(no_collector):
    x = dlkit.ones(3, dtype=dlkit.float64, requires_grad=True)
    x.sum().backward()  # makes x.grad
    before = used()
    y = chain(x)
    held = used() - before
    assert held > 5 * DEPTH  # the graph was there ...
    y.backward()
    assert used() - before < DEPTH / 100  # ... and backward freed it, with y still alive
    del y
    assert used() - before < DEPTH / 100
    close(x.grad, np.full(3, 1 + 1.00001 ** (DEPTH // 4)))


def test_long_chain_dropped_without_backward(no_collector):
    x = dlkit.ones(3, dtype=dlkit.float64, requires_grad=True)
    before = used()
    y = chain(x)
    assert used() - before > 5 * DEPTH
    del y
    assert used() - before < DEPTH / 100


def test_long_chain_of_views_and_of_augmented_assignments():
    x = dlkit.ones(2, 1, requires_grad=True)
    y = x
    for _ in range(DEPTH // 10):
        y = y.reshape(1, 2).T
    total = dlkit.zeros(2, 1)
    for _ in range(DEPTH // 10):
        total += y
    total.sum().backward()
    close(x.grad, np.full((2, 1), DEPTH // 10))


def test_values_that_no_derivative_needs_are_freed(no_collector):
    x = dlkit.ones(1000, 100, requires_grad=True)
    tracemalloc.start()
    y = x
    for _ in range(20):
        y = y + 1.0  # the sum needs none of its operands
    bytes_held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert bytes_held < 2 * x.data.nbytes


def test_training_steps_do_not_leak(no_collector):
    model = dlkit.nn.Sequential(dlkit.nn.Linear(4, 8), dlkit.nn.Tanh(), dlkit.nn.Linear(8, 2))
    optimizer = dlkit.optim.Adam(model.parameters())

    def step():
        optimizer.zero_grad()
        dlkit.nn.functional.cross_entropy(model(dlkit.ones(5, 4)), dlkit.tensor([0, 1, 0, 1, 0])).backward()
        optimizer.step()

    for _ in range(200):
        step()
    before = used()
    for _ in range(200):
        step()
    assert used() - before < 100  # not one object more in every second step


# --- random graphs ------------------------------------------------------------------------------------------------

STEPS = {
    "add": lambda t, a, b: a + b,
    "sub": lambda t, a, b: a - b,
    "mul": lambda t, a, b: a * b,
    "div": lambda t, a, b: a / (1.5 + b * b),
    "maximum": lambda t, a, b: t.maximum(a, b),
    "where": lambda t, a, b: t.where(a.detach() > b.detach(), a, b * 2),
    "matmul": lambda t, a, b: t.tanh(a @ b),
    "tanh": lambda t, a, b: t.tanh(a),
    "sigmoid": lambda t, a, b: t.sigmoid(b),
    "sin": lambda t, a, b: t.sin(a),
    "relu": lambda t, a, b: t.relu(a) + b,
    "softmax": lambda t, a, b: t.nn.functional.softmax(a, dim=1) * b,
    "mean": lambda t, a, b: a - b.mean(0),
    "sum": lambda t, a, b: a.sum(1, keepdim=True) * 0.3 + b,
    "transpose": lambda t, a, b: a.T + b[0],
    "rows": lambda t, a, b: a[[0, 0, 2]] + b,
    "cat": lambda t, a, b: t.cat([a[:1], b[1:]]),
    "logsumexp": lambda t, a, b: t.logsumexp(a, 0) + b,
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12
    ),
    st.integers(0, 2**32 - 1),
)
def test_random_graphs_agree_with_pytorch(steps, seed):
    arrays = np.random.default_rng(seed).normal(size=(3, 3, 3))

    def run(t):
        leaves = [t.from_numpy(a).requires_grad_() for a in arrays]
        values = list(leaves)
        for name, i, j in steps:  # operands are any earlier values, so they are shared at random
            values.append(STEPS[name](t, values[-1 - i % len(values)], values[-1 - j % len(values)]))
        (values[-1] + values[len(values) // 2]).sum().backward()
        return [values[-1].detach().numpy()] + [np.zeros((3, 3)) if x.grad is None else x.grad.numpy() for x in leaves]

    for ours, theirs in zip(run(dlkit), run(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * max(1, np.abs(theirs).max()))


def test_detaching_does_not_forbid_a_later_change_in_place():
    x = dlkit.ones(2, requires_grad=True)
    h = x * 2
    outside = h.detach()
    h += 1
    h.sum().backward()
    close(x.grad, [2, 2])
    close(outside, [3, 3])  # the same memory, as in PyTorch


def test_masks_combine_with_masks_and_with_truth_values():
    x = dlkit.tensor([-1.0, 0.5, 2.0])
    assert ((x > 0) & (x < 1)).tolist() == [False, True, False]
    assert ((x < 0) | (x > 1)).tolist() == [True, False, True]
    assert ((x > 0) & True).tolist() == [False, True, True]
    assert ((x > 0) | np.array([True, False, False])).tolist() == [True, True, True]
