"""dlkit stays small, free of PyTorch, and whole when it is installed from a wheel."""

import ast
import hashlib
import io
import subprocess
import sys
import tokenize
import zipfile

import pytest

from tools.notebooks import ROOT

MAX_CORE, MAX_LINES, MAX_FILE = 2100, 3500, 300
# What the book derives step by step, in the order of reading. The other files are variants of the same few ideas (one
# more loss, scheduler or augmentation), each readable alone.
CORE = [
    "backend", "autograd", "ops", "shape_ops", "creation", "methods", "convolution", "pooling", "nn/module",
    "nn/layers", "nn/image_layers", "nn/init", "nn/functional", "nn/__init__", "optim/optimizers", "data/loader",
    "training", "__init__",
]  # fmt: skip
MODULES = sorted((ROOT / "dlkit").rglob("*.py"))
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def lines_of_code(text):
    """Lines with code on them: no docstrings, comments or blank lines."""
    docstrings = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            docstrings |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    code = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - docstrings)


def test_lines_of_code_are_counted_as_said():
    text = '"""Module,\n\ntwo lines."""\n\n# comment\nx = [\n    1,\n]\n\n\ndef f():\n    """Doc."""\n    return x\n'
    assert lines_of_code(text) == 5


def test_dlkit_can_be_read_in_an_afternoon(record_property):
    """Its core; all of it but plot.py, which draws for the book and which nothing else uses, in one more."""
    lines = {path.relative_to(ROOT / "dlkit").as_posix(): lines_of_code(path.read_text("utf-8")) for path in MODULES}
    core, total = sum(lines[f"{name}.py"] for name in CORE), sum(lines.values()) - lines["plot.py"]
    record_property("shown", f"dlkit: {total} lines of code in {len(lines) - 1} files, its core {core}")
    assert core <= MAX_CORE and total <= MAX_LINES, lines
    assert max(lines.values()) <= MAX_FILE, {name: n for name, n in lines.items() if n > MAX_FILE}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_imports_torch(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert not [name for name in names if name.split(".")[0] == "torch"], f"{path}, line {node.lineno}"


def test_importing_dlkit_loads_neither_torch_nor_matplotlib():
    code = "import sys, dlkit; print(*(name for name in ('torch', 'matplotlib', 'IPython') if name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not loaded.strip(), f"import dlkit loads {loaded}"


def test_the_wheel_holds_dlkit_the_digits_and_coursework_alone(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        digits = archive.read("dlkit/data/digits.npz")
    assert all(name.startswith(("dlkit/", "dlkit-", "coursework/")) for name in names), names
    assert "coursework/__init__.py" in names
    assert hashlib.sha256(digits).hexdigest() in (ROOT / "data" / "README.md").read_text(encoding="utf-8")
