"""The graders are graded: right solutions keep all points, wrong ones lose exactly those they should, with a hint."""

import json
import linecache
import multiprocessing
import os
import re
import signal
import traceback
import warnings

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from tools import coursework
from tools.notebooks import ROOT, SETUP, read

NAMES = coursework.assignments()
SOLUTIONS = ROOT / "assignments" / "mistakes"
HINT = re.compile("is still empty|there is no `|who are you")
FORKED = multiprocessing.get_context("fork")


def source(name):
    return read(coursework.SOURCE / name / f"{name}.ipynb")


def planted(name):
    """What lies in assignments/mistakes: (kind, cell, title, cells it loses, hint, code)."""
    text = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
    for part in re.split(r"^# %% ", text, flags=re.M)[1:]:
        head, code = part.split("\n", 1)
        kind, cell, title = re.fullmatch(r"(wrong|right) ([\w-]+): (.+)", head).groups()
        loses, hint = (re.search(rf"^# {key}: (.+)$", code, re.M) for key in ("loses", "hint"))
        yield kind, cell, title, loses[1].split() if loses else [], hint[1] if hint else "", code


CASES = [pytest.param(name, *case, id=f"{name}-{case[0]}-{case[2]}") for name in NAMES for case in planted(name)]


def run(nb, limit=60):
    """Run the cells of a notebook one after the other, as a kernel would; {test cell: None or what it says}."""
    parent, child = FORKED.Pipe(duplex=False)

    def work():
        os.environ["COURSEWORK_SEED"], os.environ["MPLBACKEND"] = "20240229", "agg"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("too slow")))
        warnings.simplefilter("ignore")
        names, said = {"__name__": "__main__"}, {}
        for k, cell in enumerate(nb.cells):
            if cell.cell_type != "code":
                continue
            file, text, error = f"<cell {k}>", TransformerManager().transform_cell(cell.source), None
            linecache.cache[file] = len(text), None, text.splitlines(True), file
            signal.alarm(limit)
            try:
                exec(compile(text, file, "exec"), names)
            except BaseException as problem:
                error = "".join(traceback.format_exception_only(problem))
            signal.alarm(0)
            meta = cell.metadata.get("nbgrader", {})
            if meta.get("grade"):
                said[meta["grade_id"]] = error
        child.send(said)

    process = FORKED.Process(target=work)
    process.start()
    child.close()
    try:
        return parent.recv()
    finally:
        process.join()


def replaced(nb, cell_id, code):
    """A copy of ``nb`` with another solution in one cell."""
    found = 0
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == cell_id:
            assert cell.metadata.nbgrader.solution, f"{cell_id} is no solution cell"
            cell.source, found = code, found + 1
    assert found == 1, f"{cell_id} is there {found} times"
    return nb


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return coursework.build(tmp_path_factory.mktemp("built") / "assignments")


@pytest.fixture(scope="session", autouse=True)
def _imported():
    """What every notebook imports, before the processes fork."""
    import matplotlib

    matplotlib.use("agg")
    exec(TransformerManager().transform_cell(SETUP), {})


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_solution_gets_full_marks(name):
    assert {cell: said for cell, said in run(source(name)).items() if said} == {}


@pytest.mark.parametrize("name", NAMES)
def test_the_empty_copy_gets_nothing_and_every_test_says_what_to_do(name, built):
    said = run(read(built / "student" / f"{name}.ipynb"))
    assert [cell for cell, message in said.items() if not message or not HINT.search(message)] == [], said


@pytest.mark.parametrize("name", NAMES)
def test_the_students_copy_gives_nothing_away(name, built):
    text = (built / "student" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN)|Marks", text)
    answers = [
        c for c in read(built / "student" / f"{name}.ipynb").cells if c.metadata.get("nbgrader", {}).get("solution")
    ]
    stubs = ("raise NotImplementedError()", "*Your answer here.*")
    assert all(any(stub in cell.source for stub in stubs) for cell in answers)


@pytest.mark.parametrize("name", NAMES)
def test_the_form_of_an_assignment(name):
    nb = source(name)
    first, marks = nb.cells[0].source, coursework.tasks(nb)
    total, by_hand = map(int, re.search(r"\*\*Points\*\*: (\d+), of which (\d+)", first).groups())
    assert total == sum(points for _, points, _ in marks)
    assert by_hand == sum(points for _, points, kind in marks if kind == "by hand")
    assert all(word in first for word in ("**You will be able to**", "**Before you start**", "**Time**", "**Rules.**"))
    setup = SETUP + "\nfrom coursework import expect, given, personal, trials"
    assert nb.cells[1].source == setup, "the second cell is the setup cell"
    rubrics = [c.source for c in nb.cells if c.cell_type == "markdown" and c.metadata.get("nbgrader", {}).get("grade")]
    assert rubrics and all("*Marks*" in text for text in rubrics), "written answers need a rubric"
    hidden = [c for c in nb.cells if "### BEGIN HIDDEN TESTS" in c.source]
    assert hidden and all(c.metadata.nbgrader.grade for c in hidden)
    kinds = [case[0] for case in planted(name)]
    assert kinds.count("wrong") >= 8 and kinds.count("right") >= 3


@pytest.mark.parametrize("name, kind, cell, title, loses, hint, code", CASES)
def test_a_planted_solution_loses_what_it_should(name, kind, cell, title, loses, hint, code):
    said = run(replaced(source(name), cell, code))
    lost = {test: message for test, message in said.items() if message}
    assert set(lost) == set(loses), lost
    assert (kind == "right") == (not loses)
    if loses:
        assert hint and hint in lost[min(lost, key=list(said).index)], lost


def test_the_instructors_table_is_that_of_the_assignments():
    page = (ROOT / "chapters" / "coursework" / "instructors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (\d+) \| (\d+) \| (\d+) \| \[", page, re.M)
    expected = []
    for name in NAMES:
        hours = re.search(r"about (\d+) hours", source(name).cells[0].source)[1]
        points = [sum(p for _, p, k in coursework.tasks(source(name)) if k == kind) for kind in ("by tests", "by hand")]
        expected.append((name, hours, *map(str, points)))
    assert rows == expected


def as_colab_saves(nb):
    """nbformat 4.0 without cell ids, and Colab's own metadata."""
    content = json.loads(json.dumps(nb))
    content |= {"nbformat_minor": 0}
    content["metadata"] |= {"colab": {"provenance": []}, "language_info": {"name": "python"}}
    content["metadata"].pop("coursework", None)
    for k, cell in enumerate(content["cells"]):
        cell.pop("id", None)
        cell["metadata"]["id"] = f"aB{k}"
    return json.dumps(content)


@pytest.mark.parametrize("name", NAMES)
def test_nbgrader_gives_the_same_points(name, built, tmp_path):
    """The reference as Colab saves it, under another file name, and the empty copy; with data that nobody has seen."""
    for student, nb in (("full", source(name)), ("empty", read(built / "student" / f"{name}.ipynb"))):
        (tmp_path / "in" / student).mkdir(parents=True)
        (tmp_path / "in" / student / "Copy of it.ipynb").write_text(as_colab_saves(nb), encoding="utf-8")
    rows = coursework.grade(tmp_path / "in", tmp_path / "out", jobs=1, built=built)
    points = {row["student"]: (row["points"], row["to mark by hand"]) for row in rows}
    tests, hand = (
        sum(p for _, p, kind in coursework.tasks(source(name)) if kind == k) for k in ("by tests", "by hand")
    )
    assert points == {"full": (tests, hand), "empty": (0, 0)}, rows
    assert all((tmp_path / "out" / "feedback" / s / f"{name}.html").stat().st_size > 10_000 for s in points)
