"""MNIST, Fashion-MNIST and CIFAR-10 from a server on this machine that misbehaves in every way a network does."""

import gzip
import hashlib
import http.server
import io
import logging
import os
import socket
import sys
import tarfile
import threading
import time

import numpy as np
import pooch
import pytest

from dlkit import data
from dlkit.data import downloads


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def tar(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


RNG = np.random.default_rng(0)
IMAGES = {"train": RNG.integers(0, 256, (7, 28, 28), np.uint8), "t10k": RNG.integers(0, 256, (3, 28, 28), np.uint8)}
LABELS = {part: RNG.integers(0, 10, len(images), np.uint8) for part, images in IMAGES.items()}
BATCHES = {name: RNG.integers(0, 256, (4, 3073), np.uint8) for name in [f"data_batch_{i}" for i in range(1, 6)]}
BATCHES["test_batch"] = RNG.integers(0, 256, (2, 3073), np.uint8)
FILES = {
    f"{dataset}/{part}-{name}-ubyte.gz": idx(content[part])
    for dataset in ("mnist", "fashion_mnist")
    for part in ("train", "t10k")
    for name, content in (("images-idx3", IMAGES), ("labels-idx1", LABELS))
}
FILES["cifar10/cifar-10-binary.tar.gz"] = tar({name: rows.tobytes() for name, rows in BATCHES.items()})


class Server(http.server.ThreadingHTTPServer):
    """Addresses are /WAY/DATASET/FILE; the way is how the answer goes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.stop = threading.Event()

    def address(self, way):
        return f"http://127.0.0.1:{self.server_port}/{way}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        _, way, name = self.path.split("/", 2)
        content = FILES[name]
        if way == "closed":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if way == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.address("good/" + name))
            self.end_headers()
            return
        if way == "corrupt":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response({"missing": 404, "broken": 500}.get(way, 200))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if way in ("truncated", "stalled"):
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if way == "stalled":
                self.server.stop.wait(20)
        else:
            self.wfile.write(content)


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The server; the cache is an empty folder, the hashes are those of the files above."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(downloads, "SHA256", {name: hashlib.sha256(c).hexdigest() for name, c in FILES.items()})
    monkeypatch.setattr(downloads, "TIMEOUT", 0.4)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("DLKIT_DATA_DIR", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server.cache = tmp_path / "cache" / "dlkit"
    yield server
    server.stop.set()
    server.shutdown()
    thread.join()
    server.server_close()


def mirrors(monkeypatch, server, *ways):
    sets = {name: [f"{server.address(way)}/{name}" for way in ways] for name in downloads.MIRRORS}
    monkeypatch.setattr(downloads, "MIRRORS", sets)


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class TestContent:
    @pytest.mark.parametrize("load", [data.mnist, data.fashion_mnist])
    @pytest.mark.parametrize("train", [True, False])
    def test_idx(self, monkeypatch, server, load, train):
        mirrors(monkeypatch, server, "good")
        part = "train" if train else "t10k"
        images, labels = load(train=train)
        assert (images.dtype, labels.dtype) == (np.float32, np.int64)
        assert images.shape == (len(IMAGES[part]), 1, 28, 28)
        np.testing.assert_array_equal(images[:, 0], IMAGES[part].astype(np.float32) / 255)
        np.testing.assert_array_equal(labels, LABELS[part])
        assert files_in(server.cache) == sorted(
            f"{load.__name__}/{part}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")
        )

    @pytest.mark.parametrize("train", [True, False])
    def test_cifar10(self, monkeypatch, server, train):
        mirrors(monkeypatch, server, "good")
        images, labels = data.cifar10(train)
        rows = np.concatenate([BATCHES[f"data_batch_{i}"] for i in range(1, 6)]) if train else BATCHES["test_batch"]
        assert (images.dtype, labels.dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(labels, rows[:, 0])
        np.testing.assert_array_equal(
            images[:, 2, 31, 30], rows[:, -2].astype(np.float32) / 255
        )  # row by row, blue last
        np.testing.assert_array_equal(images.reshape(len(rows), -1), rows[:, 1:].astype(np.float32) / 255)

    def test_training_part_is_the_default(self, monkeypatch, server):
        mirrors(monkeypatch, server, "good")
        assert [len(load()[1]) for load in (data.mnist, data.fashion_mnist, data.cifar10)] == [7, 7, 20]

    def test_extremes_of_the_scale(self, monkeypatch, server):
        mirrors(monkeypatch, server, "good")
        images = data.mnist()[0]
        assert images.min() == 0 and images.max() == 1

    def test_the_second_time_needs_no_network(self, monkeypatch, server):
        mirrors(monkeypatch, server, "good")
        first, asked = data.mnist()[0], len(server.asked)
        mirrors(monkeypatch, server, "missing")
        np.testing.assert_array_equal(first, data.mnist()[0])
        assert len(server.asked) == asked == 2

    def test_quiet(self, monkeypatch, server, capfd):
        mirrors(monkeypatch, server, "good")
        pooch.get_logger().setLevel("INFO")
        data.mnist()
        assert capfd.readouterr() == ("", "") and pooch.get_logger().level == logging.WARNING


BAD = ["truncated", "corrupt", "stalled", "missing", "broken", "closed"]


class TestNetwork:
    @pytest.mark.parametrize("way", BAD)
    def test_next_mirror(self, monkeypatch, server, way):
        mirrors(monkeypatch, server, way, "good")
        assert len(data.mnist(train=False)[1]) == 3
        assert [path.split("/")[1] for path in server.asked] == [way, "good"] * 2
        assert len(files_in(server.cache)) == 2  # nothing else is left, no half-written file either

    def test_redirect(self, monkeypatch, server):
        mirrors(monkeypatch, server, "redirect")
        assert len(data.mnist(train=False)[1]) == 3

    @pytest.mark.parametrize("way", BAD)
    def test_no_mirror_left(self, monkeypatch, server, way):
        mirrors(monkeypatch, server, way, "corrupt")
        start = time.monotonic()
        with pytest.raises(ConnectionError) as caught:
            data.mnist()
        assert time.monotonic() - start < 5
        message = str(caught.value)
        name = "train-images-idx3-ubyte.gz"
        assert message.startswith(f"mnist: {name} is not in {server.cache / 'mnist'} and cannot be downloaded; tried ")
        for mirror in (way, "corrupt"):
            assert f"{server.address(mirror)}/mnist/{name} (" in message
        assert "dlkit.data.digits()" in message and "DLKIT_DATA_DIR" in message and len(message) < 1200
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        assert files_in(server.cache) == []

    def test_offline(self, monkeypatch, server):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr(downloads, "MIRRORS", {"cifar10": [address]})
        with pytest.raises(
            ConnectionError, match=r"cifar10: cifar-10-binary.tar.gz is not in .*ConnectionError.*digits"
        ):
            data.cifar10()

    def test_what_came_before_a_failure_is_kept(self, monkeypatch, server):
        """Of two files the second fails; the next call fetches the second alone."""
        mirrors(monkeypatch, server, "good")
        monkeypatch.setitem(downloads.SHA256, "mnist/train-labels-idx1-ubyte.gz", "0" * 64)
        with pytest.raises(ConnectionError, match="train-labels"):
            data.mnist()
        assert files_in(server.cache) == ["mnist/train-images-idx3-ubyte.gz"]
        content = FILES["mnist/train-labels-idx1-ubyte.gz"]
        monkeypatch.setitem(downloads.SHA256, "mnist/train-labels-idx1-ubyte.gz", hashlib.sha256(content).hexdigest())
        server.asked.clear()
        data.mnist()
        assert server.asked == ["/good/mnist/train-labels-idx1-ubyte.gz"]

    def test_a_damaged_file_in_the_cache_is_replaced(self, monkeypatch, server):
        mirrors(monkeypatch, server, "good")
        data.mnist()
        path = server.cache / "mnist" / "train-images-idx3-ubyte.gz"
        path.write_bytes(b"half")
        data.mnist()
        assert path.read_bytes() == FILES["mnist/train-images-idx3-ubyte.gz"]

    def test_interrupted(self, monkeypatch, server):
        """Ctrl-C while the bytes come: no file, and the error is not swallowed."""
        mirrors(monkeypatch, server, "good")

        def interrupt(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("requests.models.Response.iter_content", interrupt)
            with pytest.raises(KeyboardInterrupt):
                data.mnist()
        assert files_in(server.cache) == [] and len(data.mnist()[1]) == 7


class TestPlaces:
    def test_folder_of_a_campus(self, monkeypatch, server, tmp_path):
        mirrors(monkeypatch, server, "missing")
        for name, content in FILES.items():
            path = tmp_path / "campus data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        folder = tmp_path / "campus data"
        for place in (str(folder), folder.as_uri()):
            monkeypatch.setenv("DLKIT_DATA_DIR", place)
            assert [len(load()[1]) for load in (data.mnist, data.fashion_mnist, data.cifar10)] == [7, 7, 20]
        assert server.asked == [] and not server.cache.exists()

    @pytest.mark.skipif(os.name == "nt", reason="permissions differ")
    def test_read_only_folder(self, monkeypatch, server, tmp_path):
        mirrors(monkeypatch, server, "missing")
        path = tmp_path / "campus" / "mnist"
        path.mkdir(parents=True)
        for name in ("images-idx3", "labels-idx1"):
            (path / f"t10k-{name}-ubyte.gz").write_bytes(FILES[f"mnist/t10k-{name}-ubyte.gz"])
        path.chmod(0o500)
        monkeypatch.setenv("DLKIT_DATA_DIR", str(tmp_path / "campus"))
        assert len(data.mnist(train=False)[1]) == 3
        path.chmod(0o700)

    def test_missing_files_are_downloaded_into_the_folder(self, monkeypatch, server, tmp_path):
        mirrors(monkeypatch, server, "good")
        monkeypatch.setenv("DLKIT_DATA_DIR", str(tmp_path / "disk"))
        data.mnist(False)
        assert len(files_in(tmp_path / "disk" / "mnist")) == 2 and not server.cache.exists()

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_address_replaces_the_mirrors(self, monkeypatch, server, slash):
        mirrors(monkeypatch, server, "missing")
        monkeypatch.setenv("DLKIT_DATA_DIR", server.address("good") + slash)
        data.fashion_mnist(False)
        assert server.asked == [f"/good/fashion_mnist/t10k-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
        assert len(files_in(server.cache / "fashion_mnist")) == 2
        monkeypatch.setenv("DLKIT_DATA_DIR", server.address("missing"))
        with pytest.raises(ConnectionError) as caught:
            data.mnist()
        assert str(caught.value).count("http://127.0.0.1") == 1 + str(caught.value).count("for url: http://127.0.0.1")


class TestTables:
    def test_hashes_and_mirrors(self):
        """Every file has a hash and its data set mirrors, encrypted and more than one, with no closing slash."""
        assert {name.split("/")[0] for name in downloads.SHA256} == set(downloads.MIRRORS)
        assert [len(value) for value in downloads.SHA256.values()] == [64] * 9
        assert len(set(downloads.SHA256.values())) == 9
        for addresses in downloads.MIRRORS.values():
            assert len(addresses) >= 2
            assert all(a.startswith("https://") and not a.endswith("/") for a in addresses)
        assert downloads.TIMEOUT == 30

    def test_importing_dlkit_loads_no_pooch(self):
        import subprocess

        code = "import sys, dlkit; print([m for m in ('pooch', 'requests') if m in sys.modules])"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
