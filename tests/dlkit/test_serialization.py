"""save and load: what comes back is what went in, and a file is whole or not there."""

import io
import math
import os
import pathlib
import pickle
import zipfile

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dlkit
from dlkit import nn


def same(a, b):
    """Equal in type, dtype, shape, order of keys and every bit."""
    if isinstance(a, dlkit.Tensor):
        return type(b) is dlkit.Tensor and not b.requires_grad and same(a.data, b.data)
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        pairs = zip(a.items(), b.items(), strict=True) if type(b) is dict and len(a) == len(b) else [(1, 2)]
        return all(same(x, y) for x, y in pairs)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and (a == b or a != a and b != b) and str(a) == str(b)  # -0.0 is not 0.0


def trip(obj, folder):
    dlkit.save(obj, folder / "file.npz")
    assert [path.name for path in folder.iterdir()] == ["file.npz"]
    return dlkit.load(folder / "file.npz")


ARRAYS = {
    **{f"{dtype} {shape}": np.arange(math.prod(shape)).reshape(shape).astype(dtype)
       for dtype in ("float32", "float64", "int64", "bool", "uint8", "float16", "int32")
       for shape in ((), (0,), (3,), (2, 0, 3), (2, 3), (1, 1, 1))},
    "not contiguous": np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[::2],
    "backwards": np.arange(5)[::-1],
    "repeated": np.broadcast_to(np.float32(3), (4, 2)),
    "special": np.array([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308]),
    "other byte order": np.arange(3, dtype=">f8"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_and_tensors(name, tmp_path):
    array = ARRAYS[name]
    assert same(trip(array, tmp_path), array)
    back = trip([{"x": array}, dlkit.tensor(array.astype(array.dtype.newbyteorder("="))), array[..., None]], tmp_path)
    assert same(back[0], {"x": array}) and same(back[2], array[..., None])
    assert isinstance(back[1], dlkit.Tensor) and same(back[1].data, array.astype(array.dtype.newbyteorder("=")))


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, 1, -1, 2**200, 0.1, -0.0, 1e-320, math.nan, math.inf, -math.inf, 0.1 + 0.2),
        *("", "a", "größe/重み.0", "\0\n\"'\\", "structure", "arr_0", "\u2028", "😀"),
        *([], (), {}, [[]], ([],), [()], {"": {}}, [None], (1, [2, (3,)]), [1.0, 1, True]),
        *({1: "one", "1": "text", -2: 0, None: 1, 0.5: 2, (1, "a"): 3}, {True: 1, 2: 2}, {"dict": 1}, {"array": 0}),
        *(np.float32(0.1), np.float64(0.1), np.int64(-3), np.bool_(True), [np.float64(math.nan)], {np.int64(3): 1}),
    ],
    ids=repr,
)
def test_other_values(value, tmp_path):
    assert same(trip(value, tmp_path), value)


def test_names_of_every_kind(tmp_path):
    names = [
        "0.weight",
        "a/b",
        "../up",
        "/root",
        "structure",
        "file",
        "arr_0",
        "größe",
        "重み",
        "",
        " ",
        "x.npy",
        "\\",
        "a\0b",
    ]
    assert same(
        trip({n: np.full(2, i) for i, n in enumerate(names)}, tmp_path), {n: np.full(2, i) for i, n in enumerate(names)}
    )


def test_order_of_keys_is_kept(tmp_path):
    assert list(trip({"b": 1, "a": 2, "c": 3}, tmp_path)) == ["b", "a", "c"]


def test_subclasses_come_back_plain(tmp_path):
    import collections

    point = collections.namedtuple("point", "x y")(1, np.ones(2))
    back = trip([collections.OrderedDict(a=1), point, nn.Parameter(dlkit.ones(2)), np.str_("text")], tmp_path)
    assert same(back, [{"a": 1}, (1, np.ones(2)), dlkit.ones(2), "text"])


def test_saving_leaves_the_object_alone_and_loading_shares_nothing(tmp_path):
    x = dlkit.ones(3, requires_grad=True)
    array = np.zeros(2)
    obj = {"a": [array, x], "t": (array,)}
    back = trip(obj, tmp_path)
    assert obj["a"][0] is array and obj["a"][1] is x and x.requires_grad and obj["t"] == (array,)
    back["a"][0][0] = 5  # writable, and its own memory
    assert array.tolist() == [0, 0] and back["t"][0].tolist() == [0, 0]
    back["a"][1].requires_grad_().sum().backward()


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from([np.float32(0.1), np.int64(7), np.bool_(False)])
)  # fmt: skip
arrays = hnp.arrays(
    st.sampled_from(["f4", "f8", "i8", "?"]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
)
values = st.recursive(
    scalars | arrays | arrays.map(dlkit.from_numpy),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(values)
def test_whatever_is_nested_comes_back(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("nested")
    assert same(trip(value, folder), value)
    first = (folder / "file.npz").read_bytes()
    with zipfile.ZipFile(folder / "file.npz") as archive:
        assert archive.testzip() is None and all(name.endswith(".npy") for name in archive.namelist())
    assert b"numpy.core" not in first and b"cnumpy" not in first  # no pickle


# --- state_dicts -----------------------------------------------------------------------------------------------------


def network(t):
    return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 2))


def test_model(tmp_path):
    first, second = network(dlkit), network(dlkit)
    dlkit.save(first.state_dict(), tmp_path / "m.npz")
    second.load_state_dict(dlkit.load(tmp_path / "m.npz"))
    assert same(first.state_dict(), second.state_dict())
    theirs = network(torch)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in dlkit.load(tmp_path / "m.npz").items()})
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(first(dlkit.tensor(x)).detach().data, theirs(torch.tensor(x)).detach(), rtol=1e-6)


def test_anyone_can_read_the_arrays(tmp_path):
    dlkit.save({"a": np.arange(3), "b": [np.ones(2)]}, tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert sorted(file) == ["arr_0", "arr_1", "structure"]
        assert file["arr_0"].tolist() == [0, 1, 2] and file["arr_1"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.update({"0.weight": np.zeros((3, 4)), "2.bias": np.zeros(())}),
            "load_state_dict: 0.weight has shape (3, 4), expected (4, 3); 2.bias has shape (), expected (2,)",
        ),
        (
            lambda s: s.update({"0.bias": np.zeros(4, complex), "2.bias": np.array(["a", "b"])}),
            "load_state_dict: 0.bias is complex128, expected float32; 2.bias is <U1, expected float32",
        ),
    ],
)
def test_every_difference_is_named_and_nothing_changed(change, message):
    model = network(dlkit)
    before, state = model.state_dict(), {name: value + 1 for name, value in model.state_dict().items()}
    change(state)
    with pytest.raises(ValueError) as caught:
        model.load_state_dict(state)
    assert caught.value.args == (message,)
    assert same(model.state_dict(), before)


def test_dtypes_are_cast_as_in_pytorch():
    model, theirs = network(dlkit), network(torch)
    for dtype in (np.float64, np.float16, np.int64, np.int8, np.bool_):
        state = {name: (value * 3).astype(dtype) for name, value in model.state_dict().items()}
        model.load_state_dict(state)
        theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
        for p, q in zip(model.parameters(), theirs.parameters(), strict=True):
            assert p.dtype == np.float32 and same(p.data, q.detach().numpy())
    model.register_buffer("count", dlkit.tensor(0))
    with pytest.raises(ValueError, match=r"^load_state_dict: count is float32, expected int64$"):
        model.load_state_dict({**model.state_dict(), "count": np.float32(1.5)})


# --- a file is whole or not there ----------------------------------------------------------------------------------


def failing(error, after=0):
    """A function that raises, at first after so many calls."""
    calls = []

    def fail(*args, **kwargs):
        calls.append(1)
        if len(calls) > after:
            raise error

    return fail


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["savez", "write", "fsync", "replace"])
def test_what_goes_wrong_leaves_no_trace(where, error, old, tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    if old:
        dlkit.save({"old": np.ones(3)}, path)
        before = path.read_bytes()
    with monkeypatch.context() as m, pytest.raises(type(error)):
        if where == "savez":
            m.setattr(np, "savez", failing(error))
        elif where == "write":  # in the midst of the archive
            m.setattr(zipfile.ZipFile, "close", failing(error))
        else:
            m.setattr(os, where, failing(error))
        dlkit.save({"new": np.zeros(1000)}, path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"] * old
    assert not old or path.read_bytes() == before


def test_content_is_on_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    events, path = [], tmp_path / "m.npz"
    fsync, replace = os.fsync, os.replace

    def sync(number):
        size = os.fstat(number).st_size
        events.append(("fsync", size))
        fsync(number)

    def rename(source, target):
        assert pathlib.Path(source).parent == pathlib.Path(target).parent and not path.exists()
        events.append(("replace", os.stat(source).st_size))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    dlkit.save(np.zeros(1000), path)
    size = path.stat().st_size
    assert events == [("fsync", size), ("replace", size)]


def test_overwrites_and_keeps_links_and_permissions_of_a_new_file(tmp_path):
    path, link = tmp_path / "m.npz", tmp_path / "link"
    link.symlink_to(path)
    dlkit.save([1], link)
    dlkit.save([2], link)
    assert link.is_symlink() and dlkit.load(path) == [2] and dlkit.load(str(link)) == [2]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_no_suffix_is_added_and_relative_paths_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dlkit.save([1], "größe.weights")
    assert [p.name for p in tmp_path.iterdir()] == ["größe.weights"] and dlkit.load("größe.weights") == [1]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        dlkit.save([1], tmp_path / "no" / "m.npz")
    assert caught.value.args == (f"save: the folder {tmp_path.resolve() / 'no'} does not exist",)
    with pytest.raises(IsADirectoryError):
        dlkit.save([1], tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        dlkit.load(tmp_path / "nothing.npz")
    assert list(tmp_path.iterdir()) == []
    assert not list(tmp_path.parent.glob("*.tmp"))


def test_what_cannot_be_saved_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.npz"
    dlkit.save([1], path)
    with pytest.raises(TypeError, match=r"^save: obj\['optimizer'\]\[3\] is a function; what can be saved are arrays"):
        dlkit.save({"model": np.ones(2), "optimizer": [1, 2, 3, lambda: 0]}, path)
    loop = []
    loop.append(loop)
    with pytest.raises(RecursionError):
        dlkit.save(loop, path)
    assert dlkit.load(path) == [1] and len(list(tmp_path.iterdir())) == 1


# --- damaged and foreign files -------------------------------------------------------------------------------------

SAMPLE = {"weight": np.arange(12, dtype=np.float32).reshape(3, 4), "empty": np.zeros((0, 2)), "epoch": (3, [0.5, None])}


def refuses(path):
    with pytest.raises(ValueError) as caught:
        dlkit.load(path)
    assert caught.value.args[0].startswith(f"load: {path} is damaged or was not written by dlkit.save (")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_truncated_at_any_byte(tmp_path):
    path = tmp_path / "m.npz"
    dlkit.save(SAMPLE, path)
    content = path.read_bytes()
    for n in range(len(content)):
        path.write_bytes(content[:n])
        refuses(path)


def test_any_byte_changed_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "m.npz"
    dlkit.save(SAMPLE, path)
    content, noticed = path.read_bytes(), 0
    for i, flip in zip(range(len(content)), np.random.default_rng(0).integers(1, 256, len(content)), strict=True):
        path.write_bytes(content[:i] + bytes([content[i] ^ int(flip)]) + content[i + 1 :])
        try:
            assert same(dlkit.load(path), SAMPLE), i
        except ValueError:
            noticed += 1
            refuses(path)
    assert noticed > 0.6 * len(content)  # the others hold dates, versions and attributes of the archive


def raw(text):
    return np.frombuffer(text.encode(), np.uint8)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("weights"),
        lambda path: path.write_bytes(b"\x80\x04" + bytes(100)),
        lambda path: path.write_bytes(pickle.dumps(Bomb())),
        lambda path: path.write_bytes(npy(np.ones(3))),
        lambda path: np.savez(path, a=np.ones(3)),
        lambda path: np.savez(path, structure=np.array([Bomb()], dtype=object)),
        lambda path: np.savez(path, np.array([Bomb()], dtype=object), structure=raw('{"array": 0}')),
        lambda path: np.savez(path, structure=raw('{"array": 0}')),
        lambda path: np.savez(path, structure=raw('{"module": "os"}')),
        lambda path: np.savez(path, structure=raw('{"tuple": 1}')),
        lambda path: np.savez(path, structure=raw("{}")),
        lambda path: np.savez(path, structure=raw("[" * 100000)),
        lambda path: torch.save({"a": torch.ones(2)}, path),
        lambda path: zipfile.ZipFile(path, "w").close(),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_foreign_files(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "foreign.npz")
    refuses(tmp_path / "foreign.npz")
    assert not (tmp_path / "exploded").exists()
