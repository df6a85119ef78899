"""Data that travels with the package."""

import hashlib
import io
import pathlib

import numpy as np

DIGITS_SHA256 = "6d672c82eb156775a2c26b18ee6bebb3149433697db1ed227be49bfb3457020f"


def digits():
    """1,797 real handwritten digits of 8 x 8 pixels.

    Returns
    -------
    images : array (1797, 1, 8, 8), float64
        Grey levels from 0 (paper) to 1 (ink), multiples of 1/16.
    labels : array (1797,), int64
        The digit, 0 to 9.

    Raises
    ------
    FileNotFoundError
        If the file is neither in the package nor in a checkout's data folder.
    ValueError
        If the file is not the one the book was made with, by its SHA-256.

    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, doi 10.24432/C50P49,
    CC BY 4.0; see data/README.md.
    """
    with np.load(io.BytesIO(_read("digits.npz", DIGITS_SHA256)), allow_pickle=False) as file:
        return file["images"][:, None] / 16.0, file["labels"].astype(np.int64)


def _read(name, sha256):
    """The bytes of a data file, from the installed package or a checkout, if their hash is right."""
    here = pathlib.Path(__file__).resolve().parent
    places = (here / name, here.parents[1] / "data" / name)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{name} is not in {places[0].parent} or {places[1].parent}; reinstall dlkit")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} is damaged or another version: its SHA-256 is {found}, expected {sha256}; reinstall dlkit"
        )
    return content
