"""What students hand in, wittingly or not, never harms another's grade, nor more of their own than it must."""

import json

import nbformat
import pytest

from tools import coursework

TIMEOUT = 8


def cell(kind, source, grade_id=None, points=0):
    if grade_id is None:
        return nbformat.v4.new_code_cell(source)
    meta = {"schema_version": 3, "grade_id": grade_id, "task": False, "points": points}
    meta |= {"grade": kind != "solution", "solution": kind != "test", "locked": kind == "test"}
    if kind == "solution":
        del meta["points"]
    make = nbformat.v4.new_markdown_cell if kind == "answer" else nbformat.v4.new_code_cell
    return make(source, metadata={"nbgrader": meta})


def solution(body):
    return f"### BEGIN SOLUTION\n{body}\n### END SOLUTION"


DOUBLE, TOTAL = "def double(x):\n    return 2 * x", "def total(x):\n    return x.sum()"
TEST = """\
for rng in trials():
    x = rng.normal(size=4)
    expect("{0}(x)", given("{0}")(x), {1})
### BEGIN HIDDEN TESTS
expect("{0}(zeros)", given("{0}")(np.zeros(3)), 0 * {1} if "{0}" == "total" else np.zeros(3))
### END HIDDEN TESTS"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course with one small assignment: two functions for 2 and 3 points, and an answer for 4."""
    place = tmp_path_factory.mktemp("course")
    cells = [
        cell("", "import numpy as np\nfrom coursework import expect, given, personal, trials"),
        cell("solution", solution(DOUBLE), "s1"),
        cell("test", TEST.format("double", "2 * x"), "t1", 2),
        cell("solution", solution(TOTAL), "s2"),
        cell("test", TEST.format("total", "x.sum()"), "t2", 3),
        cell("answer", "The model answer. *Marks*: 4", "a1", 4),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nb = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (place / "source" / "small").mkdir(parents=True)
    nbformat.write(nb, place / "source" / "small" / "small.ipynb")
    return coursework.build(place / "built", place / "source")


def submission(built, one=DOUBLE, two=TOTAL, change=None):
    nb = coursework.read(built / "student" / "small.ipynb")
    named = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in nb.cells}
    named["s1"].source, named["s2"].source, named["a1"].source = one, two, "Because."
    if change:
        change(nb, named)
    return json.dumps(nb)


def remove(key):
    return lambda nb, named: nb.cells.remove(named[key])


def tamper(nb, named):
    named["t1"].source = "print('all is well')"
    named["t1"].metadata.nbgrader.points = 100


def duplicate(nb, named):
    copy = nbformat.from_dict(named["s1"])
    copy.source = DOUBLE
    nb.cells.insert(4, copy)


def forget_metadata(nb, named):
    for c in nb.cells:
        c.metadata.pop("nbgrader", None)


WRONG = "def double(x):\n    return 3 * x"
# name: (what is handed in, the points by tests or None if it cannot be graded, what the table says)
HOSTILE = {
    "right": ({}, 5, ""),
    "wrong": ({"one": WRONG}, 3, ""),
    "loops for ever": ({"one": "while True:\n    pass"}, 3, ""),
    "loops for ever inside the function": ({"one": "def double(x):\n    while True:\n        pass"}, 3, ""),
    "renamed": ({"one": DOUBLE.replace("double", "twice")}, 3, ""),
    "does not parse": ({"one": "def double(x:\n    return"}, 3, ""),
    "ends the interpreter": ({"one": "import sys\nsys.exit()"}, 3, ""),
    "ends the kernel": ({"one": "exit()"}, 3, ""),
    "ends the process": ({"one": "import os\nos._exit(0)"}, 3, ""),
    "prints for ever": ({"one": "while True:\n    print('x' * 1000)"}, 3, ""),
    "eats the memory": ({"one": "def double(x):\n    return np.ones(10**11)"}, 3, ""),
    "asks": ({"one": "factor = input('factor?')"}, 3, ""),
    "solution deleted": ({"change": remove("s1")}, 3, "cell s1 is missing"),
    "test deleted": ({"change": remove("t2")}, 5, ""),
    "test tampered with": ({"one": WRONG, "change": tamper}, 3, "test cell t1 was changed"),
    "tests replaced": ({"one": WRONG + "\nexpect = lambda *args, **kwargs: None"}, 3, ""),
    "duplicated": ({"one": "raise NotImplementedError()", "change": duplicate}, 5, "cell s1 is there twice"),
    "metadata lost": ({"change": forget_metadata}, None, "no cell of any assignment"),
}


@pytest.fixture(scope="module")
def rows(built, tmp_path_factory):
    """The table of a class of all these students, and some whose files are no notebooks."""
    place = tmp_path_factory.mktemp("class")
    for student, (change, _, _) in HOSTILE.items():
        (place / "in" / student).mkdir(parents=True)
        (place / "in" / student / "small.ipynb").write_text(submission(built, **change), encoding="utf-8")
    for name, content in (
        ("cut off/small.ipynb", submission(built)[:500]),
        ("empty/small.ipynb", ""),
        ("not a notebook/answers.pdf", "%PDF"),
        ("old format/small.ipynb", json.dumps({"nbformat": 3, "worksheets": []})),
        ("a list/small.ipynb", "[]"),
        ("no cells/small.ipynb", json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}})),
        ("twice/small.ipynb", submission(built)),
        ("twice/small (1).ipynb", submission(built, one=WRONG)),
        ("flat_12345_Copy of small.ipynb", submission(built)),
    ):
        (place / "in" / name).parent.mkdir(exist_ok=True)
        (place / "in" / name).write_text(content, encoding="utf-8")
    (place / "in" / "nothing").mkdir()
    table = coursework.grade(place / "in", place / "out", jobs=2, timeout=TIMEOUT, built=built)
    return place / "out", table


@pytest.mark.parametrize("student", HOSTILE)
def test_a_submission_gets_its_points(student, rows):
    _, points, problem = HOSTILE[student]
    (row,) = [row for row in rows[1] if row["student"] == student]
    assert row["points"] == ("" if points is None else points), row
    assert problem in row["problems"] and bool(problem) == bool(row["problems"]), row
    if points is not None:
        assert (row["of"], row["to mark by hand"]) == (9, 4)
        assert (rows[0] / "feedback" / student.replace(" ", "-") / "small.html").exists()


@pytest.mark.parametrize(
    "student, problem",
    [
        ("cut off", "cannot be read"),
        ("empty", "cannot be read"),
        ("not a notebook", "not a notebook"),
        ("old format", "cannot be read"),
        ("a list", "cannot be read"),
        ("no cells", "cannot be read|no cell of any assignment"),
        ("twice", "2 submissions by this student"),
    ],
)
def test_what_cannot_be_graded_is_reported(student, problem, rows):
    found = [row for row in rows[1] if row["student"] == student]
    assert len(found) == 1 + (student == "twice")
    for row in found:
        assert row["points"] == "" and any(text in row["problems"] for text in problem.split("|")), row


def test_a_flat_folder_names_the_student_in_the_file(rows):
    assert [row["points"] for row in rows[1] if row["student"] == "flat"] == [5]


def test_the_table_is_complete_and_the_run_can_be_repeated(rows):
    text = (rows[0] / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert text[0].split(",") == coursework.COLUMNS and len(text) == 1 + len(rows[1])
    assert (rows[0] / "seed.txt").read_text().strip().isdigit()


def test_a_missing_folder_is_named():
    with pytest.raises(FileNotFoundError, match="no folder nowhere"):
        coursework.grade("nowhere", "out")
