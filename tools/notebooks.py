"""Execute, normalise and check the book's notebooks.

    python -m tools.notebooks execute|normalize|check [NOTEBOOK ...]

Without paths: every notebook of chapters/. Notebooks are committed executed, in one normal form, so that a
difference in git is a difference in content and what a reader sees is what the tests compared.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
import time
import tomllib
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CELL_METADATA = ("tags", "sources", "mystnb", "cellView", "name", "label")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

SETUP_TEMPLATE = """\
# Setup: installs the book's package where it is missing (Colab), then fixes precision, seeds and figure style.
import importlib.util

if importlib.util.find_spec("dlkit") is None:
    %pip install -q git+{repository}

import dlkit  # isort: skip  (before NumPy: it sets how the threads of matrix products wait)
import matplotlib.pyplot as plt
import numpy as np
import torch

import dlkit.nn.functional as F
from dlkit import nn, optim
from dlkit.checks import check, check_close, gradcheck
from dlkit.plot import COLORS, explore, use_style

dlkit.set_default_dtype(dlkit.float64)
torch.set_default_dtype(torch.float64)
dlkit.manual_seed(0)
torch.manual_seed(0)
use_style()"""


def repository(root=ROOT):
    """The address of the repository, whose one home is pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def setup_text(root=ROOT):
    """The text of the setup cell, the same in every notebook."""
    return SETUP_TEMPLATE.format(repository=repository(root))


SETUP = setup_text()


def chapters(root=ROOT):
    """Every notebook of the book, in a stable order."""
    return sorted(p for p in (root / "chapters").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def read(path):
    """The notebook at ``path`` as nbformat 4; older minor versions (Colab saves 4.0) are accepted."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "nbformat" not in content:
        raise ValueError(f"{path}: not a notebook")
    if content["nbformat"] != 4:
        raise ValueError(f"{path}: notebook format {content['nbformat']}, only 4 is read")
    return nbformat.v4.to_notebook(content)


def write(path, nb):
    """Replace the file at once, so that an interruption never leaves half a notebook."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(to_text(nb), encoding="utf-8")
    os.replace(temporary, path)


def to_text(nb):
    # Version 4's own writer sorts keys and indents by 1; nbformat.writes would also repair ids, at random.
    return nbformat.v4.writes(nb).rstrip("\n") + "\n"


def normalize(nb, setup=SETUP):
    """A copy of ``nb`` in the one form that is committed."""
    nb = nbformat.from_dict(nb)
    book = {k: v for k, v in nb.metadata.get("book", {}).items() if k in ("seconds", "megabytes")}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}} | ({"book": book} if book else {})
    cells, ids, count = [], set(), 0
    for old in nb.cells:
        cell = {"cell_type": old.cell_type, "metadata": _cell_metadata(old.metadata), "source": old.source}
        if "setup" in cell["metadata"].get("tags", []):
            cell["source"] = setup
            cell["metadata"]["tags"] = ["setup", "hide-input"]  # folded on the page, open where it is run
        if old.cell_type == "code":
            executed = old.get("execution_count") is not None
            count += executed
            cell["execution_count"] = count if executed else None
            cell["outputs"] = _outputs(old.get("outputs", []), cell["execution_count"])
        if old.get("attachments"):
            cell["attachments"] = old.attachments
        cell["id"] = _unique_id(old.get("id"), cell, ids)
        cells.append(cell)
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _cell_metadata(metadata):
    kept = {key: metadata[key] for key in CELL_METADATA if metadata.get(key)}
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    return kept


def _unique_id(identifier, cell, taken):
    """The cell's own id if it is valid and new (stable diffs), else one made from its content."""
    if not (isinstance(identifier, str) and CELL_ID.fullmatch(identifier) and identifier not in taken):
        base = hashlib.sha256((cell["cell_type"] + cell["source"]).encode()).hexdigest()[:8]
        identifier, k = base, 1
        while identifier in taken:
            identifier, k = f"{base}-{k}", k + 1
    taken.add(identifier)
    return identifier


def _outputs(outputs, count):
    """Outputs without what differs between runs: chunks of a stream, ids of widgets, sizes in pixels."""
    result = []
    for old in outputs:
        kind = old["output_type"]
        if kind == "stream":
            if result and result[-1]["output_type"] == "stream" and result[-1]["name"] == old["name"]:
                result[-1]["text"] += old["text"]
            else:
                result.append({"output_type": kind, "name": old["name"], "text": old["text"]})
        elif kind == "error":
            result.append({key: old[key] for key in ("output_type", "ename", "evalue", "traceback")})
        else:
            data = {mime: value for mime, value in old["data"].items() if mime != WIDGET_VIEW}
            if data:
                new = {"output_type": kind, "data": data, "metadata": {}}
                result.append(new | ({"execution_count": count} if kind == "execute_result" else {}))
    return result


def differences(path, setup=SETUP):
    """Messages that say where the notebook is not in normal form; none if it is."""
    text, nb = path.read_text(encoding="utf-8"), read(path)
    normal = normalize(nb, setup)
    if text == to_text(normal):
        return []
    cells = [
        f"{path}: cell {number} is not in normal form; run `make normalize`"
        for number, (old, new) in enumerate(zip(nb.cells, normal.cells, strict=True), start=1)
        if old != new
    ]
    return cells or [f"{path}: metadata or layout of the file is not in normal form; run `make normalize`"]


def peak_megabytes(pid):
    """The most memory the process has held so far; where Linux does not say, what it holds now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6
    import psutil

    return psutil.Process(pid).memory_info().rss / 1e6


class ExecutionError(RuntimeError):
    """A cell failed; the message names notebook, cell, its first line and the error."""


def execute(path, timeout=120):
    """Run the notebook in a fresh kernel and return it, normalised, with its time and memory noted."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    os.environ["DLKIT_PROGRESS"] = "off"  # no live progress bar in what is stored
    os.environ.pop("MPLBACKEND", None)  # a backend chosen outside would hide every figure
    nb = normalize(read(path))
    client = NotebookClient(
        nb,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    start = time.perf_counter()
    with client.setup_kernel():
        for number, cell in enumerate(nb.cells):
            if cell.cell_type == "code" and not cell.source.strip():
                cell.execution_count, cell.outputs = None, []
                continue
            try:
                client.execute_cell(cell, number)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                reason = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
                first = cell.source.strip().splitlines()[0]
                raise ExecutionError(f"{path}: cell {number + 1} ({first}) failed: {reason}") from error
        peak = peak_megabytes(client.km.provisioner.pid)
    shrink_pictures(nb)
    nb.metadata["book"] = {"seconds": round(time.perf_counter() - start, 1), "megabytes": round(peak)}
    return normalize(nb)


def shrink_pictures(nb):
    """Store the pictures with few colours; nothing compares them, and a page loads three times faster."""
    from dlkit.plot import shrink

    for data in (output["data"] for cell in nb.cells for output in cell.get("outputs", []) if "data" in output):
        if "image/png" in data:
            data["image/png"] = base64.b64encode(shrink(base64.b64decode(data["image/png"]))).decode()


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__.split("\n\n")[0])
    parser.add_argument("command", choices=["execute", "normalize", "check"])
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks; all of chapters/ if none is given")
    options = parser.parse_args(argv)
    failed = False
    for path in options.paths or chapters():
        try:
            if options.command == "check":
                messages = differences(path)
                failed |= bool(messages)
                print("\n".join(messages), file=sys.stderr, end="\n" if messages else "")
            elif options.command == "normalize":
                normal = normalize(read(path))
                if to_text(normal) != path.read_text(encoding="utf-8"):
                    write(path, normal)
                    print(f"{path}: normalised")
            else:
                nb = execute(path)
                write(path, nb)
                print(f"{path}: {nb.metadata.book.seconds} s, {nb.metadata.book.megabytes} MB")
        except (ExecutionError, OSError, ValueError) as error:
            print(error if str(path) in str(error) else f"{path}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
