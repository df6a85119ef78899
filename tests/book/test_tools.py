"""The tools of tools/: execution, the repository's address, the budget, the environment."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import notebooks, set_repository
from tools.notebooks import ROOT, read, write


def save(path, *cells):
    write(path, notebooks.normalize(new_notebook(cells=list(cells))))
    return path


# --- execute


def test_execute_stores_outputs_time_and_memory(tmp_path):
    path = save(tmp_path / "a.ipynb", new_code_cell("print('a')\nprint('b')"), new_code_cell("import os\nos.getcwd"))
    assert notebooks.main(["execute", str(path)]) == 0
    nb = read(path)
    assert [cell.execution_count for cell in nb.cells] == [1, 2]
    assert nb.cells[0].outputs[0].text == "a\nb\n"
    assert nb.metadata.book.seconds > 0
    assert nb.metadata.book.megabytes > 10
    assert notebooks.main(["check", str(path)]) == 0


def test_execute_names_the_failing_cell_and_leaves_the_file(tmp_path, capsys):
    path = save(tmp_path / "a.ipynb", new_markdown_cell("# A"), new_code_cell("y = 1"), new_code_cell("1 / 0"))
    before = path.read_bytes()
    assert notebooks.main(["execute", str(path)]) == 1
    message = capsys.readouterr().err
    assert "a.ipynb: cell 3 (1 / 0) failed: ZeroDivisionError: division by zero" in message
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "a.ipynb: "), ('{"nbformat": 3}', "notebook format 3"), ("[]", "not a notebook")],
)
def test_a_file_that_is_no_notebook_is_named(text, message, tmp_path, capsys):
    path = tmp_path / "a.ipynb"
    path.write_text(text, encoding="utf-8")
    assert notebooks.main(["normalize", str(path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "a.ipynb" in error
    assert path.read_text(encoding="utf-8") == text


# --- set_repository


@pytest.fixture
def copy(tmp_path):
    """The files that hold the address, and a notebook."""
    for name in set_repository.FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "chapters").mkdir()
    setup = new_code_cell("", metadata={"tags": ["setup"]})
    write(tmp_path / "chapters" / "a.ipynb", notebooks.normalize(new_notebook(cells=[setup])))
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_address_is_written_everywhere_at_once(copy):
    before = contents(copy)
    old = notebooks.repository(copy)
    assert set_repository.main(["ada/deep.book", "--root", str(copy)]) is None
    after = contents(copy)
    assert {path for path in before if before[path] != after[path]} == set(before)
    for path, content in after.items():
        assert "github.com/ada/deep.book" in content.decode(), path
        assert old.encode() not in content, path
    assert "%pip install -q git+https://github.com/ada/deep.book\n" in notebooks.setup_text(copy)

    set_repository.main(["ada/deep.book", "--root", str(copy)])
    assert contents(copy) == after, "a second run changes something"
    set_repository.main([old.removeprefix(set_repository.HOST), "--root", str(copy)])
    assert contents(copy) == before, "the way back is lost"


def test_a_longer_name_that_begins_alike_is_left(copy):
    old = notebooks.repository(copy)
    with (copy / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(f"\n{old}-extras and {old}.git\n")
    set_repository.set_repository("ada/book", copy)
    assert f"{old}-extras and https://github.com/ada/book.git" in (copy / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("slug", ["ada", "https://github.com/ada/book", "ada/book/x", "ada/bo ok", "-a/b", "a/b.git"])
def test_a_wrong_address_is_refused(slug, copy, capsys):
    before = contents(copy)
    with pytest.raises(SystemExit) as error:
        set_repository.main(["--root", str(copy), "--", slug])
    assert error.value.code == 2
    assert f"{slug!r} is not a GitHub repository: give OWNER/NAME" in capsys.readouterr().err
    assert contents(copy) == before


# --- nbval and the budget


def nbval(folder, **limits):
    """Run nbval over a folder with the repository's conftest and other limits."""
    conftest = (ROOT / "conftest.py").read_text(encoding="utf-8")
    for name, value in limits.items():
        conftest = re.sub(rf"(?m)^{name} = .*", f"{name} = {value}", conftest)
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-c", str(folder / "pytest.ini")]
    command += ["-p", "no:cacheprovider", "--nbval-sanitize-with", str(ROOT / "tests" / "book" / "sanitize.cfg")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return result.stdout + result.stderr


def test_a_notebook_is_held_to_its_budget(tmp_path):
    save(tmp_path / "a.ipynb", new_code_cell("import time\ntime.sleep(0.6)", execution_count=1))
    assert "2 passed" in nbval(tmp_path), "the cell and the budget"
    assert re.search(r"a.ipynb: [\d.]+ s, more than the 0.2 s of a chapter", nbval(tmp_path, MAX_SECONDS=0.2))
    assert "MB, more than the 20 MB of a chapter" in nbval(tmp_path, MAX_MEGABYTES=20)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("<img src='data:image/png;base64,AAAA'>", "1 failed"),
        ("<img src='data:image/png;base64,AAAA' alt='two'>", "2 passed"),
    ],
)
def test_pictures_in_html_are_not_compared_but_all_else_is(stored, message, tmp_path):
    code = "from IPython.display import HTML, display\n"
    code += "display(HTML(\"<img src='data:image/png;base64,BBBB' alt='two'>\"))"
    data = {"text/html": stored, "text/plain": "<IPython.core.display.HTML object>"}
    cell = new_code_cell(code, execution_count=1, outputs=[new_output("display_data", data)])
    save(tmp_path / "a.ipynb", cell)
    assert message in nbval(tmp_path)


# --- one home for versions


def test_conda_takes_its_versions_from_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert conda == [f"python{project['requires-python']}", "pip"], "conda brings Python and pip, and nothing else"
    assert pip == ["-e .[book,test]"], "every other version stands in pyproject.toml"
    assert {"book", "test"} <= set(project["optional-dependencies"])


def test_a_version_is_pinned_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = [pin for extra in project["optional-dependencies"].values() for pin in extra if "==" in pin]
    names = [pin.split("==")[0] for pin in pins]
    assert len(names) == len(set(names)), f"pinned twice: {names}"
    assert not [dependency for dependency in project["dependencies"] if re.search("==|<|~=", dependency)]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["repository-code"] == project["urls"]["Repository"]
