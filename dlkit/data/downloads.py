"""Data sets that are downloaded once, checked by their SHA-256 and kept.

They are kept in a cache of the user, or in the folder ``DLKIT_DATA_DIR`` (a path or a file: address), where a campus
may have put them. Set to an http(s): address, it takes the place of the mirrors. In both, the files lie in folders
``mnist``, ``fashion_mnist`` and ``cifar10``.

The mirrors are tried in order. A download that breaks off leaves nothing under the name of the file; the next call
fetches that file again from its beginning, and none that is already there.
"""

import os

import numpy as np

TIMEOUT = 30  # seconds without a byte, after which the next mirror is tried
MIRRORS = {
    "mnist": ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    "fashion_mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
    ),
    "cifar10": (
        "https://www.cs.toronto.edu/~kriz",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets",
    ),
}
SHA256 = {
    "mnist/train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "mnist/train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "mnist/t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "mnist/t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    "fashion_mnist/train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "fashion_mnist/train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "fashion_mnist/t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "fashion_mnist/t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    "cifar10/cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
}


def mnist(train=True):
    """Handwritten digits: 60,000 to train, 10,000 to test.

    Returns
    -------
    images : array (N, 1, 28, 28), float32
        Grey levels from 0 (paper) to 1 (ink).
    labels : array (N,), int64
        The digit, 0 to 9.

    Raises
    ------
    ConnectionError
        If a file is not there and no mirror gives it as it was published.

    Source: LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, doi
    10.1109/5.726791.
    """
    return _idx_pair("mnist", train)


def fashion_mnist(train=True):
    """Articles of clothing in ten classes: 60,000 to train, 10,000 to test; returns and raises what ``mnist`` does.

    The classes: T-shirt, trousers, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Source: Xiao, Rasul and Vollgraf (2017), arXiv 1708.07747; MIT licence.
    """
    return _idx_pair("fashion_mnist", train)


def cifar10(train=True):
    """Photographs in ten classes: 50,000 to train (614 MB in memory), 10,000 to test; raises what ``mnist`` does.

    The classes: aeroplane, car, bird, cat, deer, dog, frog, horse, ship, lorry.

    Returns
    -------
    images : array (N, 3, 32, 32), float32
        Red, green and blue from 0 to 1.
    labels : array (N,), int64
        The class, 0 to 9.

    Source: Krizhevsky (2009), Learning multiple layers of features from tiny images, University of Toronto.
    """
    import tarfile

    names = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
    with tarfile.open(_fetch("cifar10", "cifar-10-binary.tar.gz")) as archive:
        content = b"".join(archive.extractfile(f"cifar-10-batches-bin/{name}.bin").read() for name in names)
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)  # the label, then the three colour planes
    return rows[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255, rows[:, 0].astype(np.int64)


def _idx_pair(dataset, train):
    import gzip

    part, found = "train" if train else "t10k", []
    for name in (f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"):
        with gzip.open(_fetch(dataset, name)) as file:
            content = file.read()
        start = 4 + 4 * content[3]  # the fourth byte is the number of lengths that follow, of four bytes each
        shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
        found.append(np.frombuffer(content, np.uint8, offset=start).reshape(shape))
    return found[0][:, None].astype(np.float32) / 255, found[1].astype(np.int64)


def _fetch(dataset, name):
    """The path of a file, which is downloaded if it is missing or damaged."""
    from urllib.request import url2pathname  # here: these modules take a while to import

    import pooch

    pooch.get_logger().setLevel("WARNING")
    place, known = os.environ.get("DLKIT_DATA_DIR", ""), f"sha256:{SHA256[f'{dataset}/{name}']}"
    remote = place.startswith(("http:", "https:"))
    folder = pooch.os_cache("dlkit") if remote or not place else place
    folder = os.path.join(url2pathname(folder.removeprefix("file:")) if place.startswith("file:") else folder, dataset)
    failures = []
    for base in [f"{place.rstrip('/')}/{dataset}"] if remote else MIRRORS[dataset]:
        try:
            loader = pooch.HTTPDownloader(timeout=TIMEOUT)
            return pooch.retrieve(f"{base}/{name}", known, fname=name, path=folder, downloader=loader)
        except (OSError, ValueError) as error:  # no network, no such file, not the file that was published
            failures.append(f"{base}/{name} ({type(error).__name__}: {str(error)[:200]})")
    raise ConnectionError(
        f"{dataset}: {name} is not in {folder} and cannot be downloaded; tried {', '.join(failures)}. Go online, set "
        "DLKIT_DATA_DIR to a folder or an address that has it, or use dlkit.data.digits(), which needs no download"
    ) from None
