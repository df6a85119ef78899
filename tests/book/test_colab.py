"""One notebook alone, as Colab opens it: an environment without dlkit, an empty folder, the setup cell installs."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.notebooks import ROOT, chapters, read, repository

# What Colab preinstalls of what we use (scipy and sympy come along), PyTorch in the version that pyproject.toml
# pins. nbclient and ipykernel run the notebook.
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
PACKAGES = ["numpy", "matplotlib", "ipywidgets", "scikit-learn", "pandas", "tqdm", "ipykernel", "nbclient"]
PACKAGES += [requirement for requirement in EXTRAS["notebook"] if requirement.startswith("torch==")]
VENV = ROOT / ".venv-colab"

RUN = """
import json, sys, nbformat
from nbclient import NotebookClient
nb = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(nb, timeout=300, kernel_name="python3").execute()
json.dump(nb, open(sys.argv[2], "w"))
"""


def notebook():
    """COLAB_NOTEBOOK, else the one that needs the digits inside the installed package."""
    chosen = os.environ.get("COLAB_NOTEBOOK")
    if chosen:
        return ROOT / chosen
    return min(chapters(), key=lambda path: (path.stem != "training-loop", path))


def ticks(nb):
    """The claims that a notebook's outputs say were checked, in order."""
    texts = [output.get("text", "") for cell in nb["cells"] for output in cell.get("outputs", [])]
    return [line for text in texts for line in "".join(text).splitlines() if line.startswith("✓")]


@pytest.fixture(scope="module")
def python():
    """The interpreter of an environment with Colab's packages; kept between runs, made anew when they change."""
    key = hashlib.sha256(f"{sys.version} {PACKAGES}".encode()).hexdigest()
    stamp, interpreter = VENV / "packages", VENV / "bin" / "python"
    if not (stamp.exists() and stamp.read_text() == key):
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        stamp.write_text(key)
    subprocess.run([interpreter, "-m", "pip", "uninstall", "-q", "-y", "dlkit"], check=True, capture_output=True)
    return interpreter


def commit_working_tree(folder):
    """A repository whose one commit is the working tree as it is, uncommitted changes included."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "working tree"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)


@pytest.mark.colab
def test_a_notebook_runs_alone(python, tmp_path):
    origin, empty = tmp_path / "origin", tmp_path / "content"
    origin.mkdir()
    empty.mkdir()
    commit_working_tree(origin)
    path = notebook()
    shutil.copy(path, empty)

    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MPLBACKEND", "VIRTUAL_ENV")}
    environment |= {  # the address in the setup cell leads to this checkout
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{origin.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": repository(),
        "DLKIT_PROGRESS": "off",
    }
    command = [python, "-c", RUN, path.name, "executed.json"]
    result = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{path.name} alone: {result.stderr[-4000:]}"

    where = [python, "-c", "import dlkit; print(dlkit.__file__)"]
    installed = subprocess.run(where, cwd=empty, env=environment, check=True, capture_output=True, text=True).stdout
    assert Path(installed.strip()).is_relative_to(VENV), (
        f"dlkit came from {installed}, the setup cell installed nothing"
    )
    expected, found = ticks(read(path)), ticks(json.loads((empty / "executed.json").read_text(encoding="utf-8")))
    assert expected, f"{path.name} checks nothing"
    assert found == expected
