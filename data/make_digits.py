"""Make data/digits.npz from the copy of the digits that scikit-learn ships.

    python data/make_digits.py

The file is the same, byte by byte, whenever and wherever it is made: entries are stored with a fixed date.
Its SHA-256, printed here, stands in dlkit/data/datasets.py and data/README.md.
"""

import hashlib
import io
import pathlib
import zipfile

import numpy as np
from sklearn.datasets import load_digits


def npz_bytes(**arrays):
    """The arrays as an .npz (stored, not deflated) without anything that depends on the time or the machine."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0)), content.getvalue())
    return file.getvalue()


if __name__ == "__main__":
    digits = load_digits()
    content = npz_bytes(images=digits.images.astype(np.uint8), labels=digits.target.astype(np.uint8))
    path = pathlib.Path(__file__).with_name("digits.npz")
    path.write_bytes(content)
    print(path.name, len(content), "bytes, SHA-256", hashlib.sha256(content).hexdigest())
