"""Coursework: student copies out of the source notebooks, and grades out of a folder of submissions.

``python -m tools.coursework build`` writes _build/assignments; ``python -m tools.coursework grade FOLDER`` grades what
lies in FOLDER. nbgrader makes the copies, runs the tests and writes the feedback; here is what it leaves open: reading
what students really hand in, and that no submission can harm another. Each one is graded in a process and a course
directory of its own, and its test cells are the course's, whatever was done to them.
"""

import argparse
import contextlib
import csv
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from tools.notebooks import ROOT, read, to_text

SOURCE = ROOT / "assignments" / "source"
BUILD = ROOT / "_build" / "assignments"
COLUMNS = ["student", "assignment", "points", "of", "to mark by hand", "problems", "file"]

# Runs in the kernel of a submission before its first cell.
LIMITS = """
import os, resource
import coursework, ipykernel.iostream
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
def _limit():
    written, write = [0], ipykernel.iostream.OutStream.write
    def limited(self, text):
        written[0] += len(text)
        if written[0] > {output}:
            raise RuntimeError("this cell prints more than {output:,} characters")
        return write(self, text)
    def ignored(*args):
        raise RuntimeError("this would end the kernel, and with it the grading: not done")
    tests = {{name: getattr(coursework, name) for name in coursework.__all__}}
    def before(info):
        written[0] = 0
        get_ipython().user_ns.update(tests)  # whatever the submission has put in their place
    ipykernel.iostream.OutStream.write = limited
    get_ipython().events.register("pre_run_cell", before)
    os._exit = os.abort = os.kill = os.killpg = ignored
    return ignored
exit = quit = _limit()
del _limit
"""
MEMORY, SIZE, OUTPUT = 6 * 2**30, 100 * 2**20, 10**6  # bytes of memory and of a file, characters printed by a cell


class CannotGrade(Exception):
    """Why a submission cannot be graded, in words for the table."""


# --- the copies -----------------------------------------------------------------------------------------------------


def assignments(source=SOURCE):
    """The names of all assignments, in their order."""
    return sorted(path.stem for path in source.glob("*/*.ipynb"))


def _course(folder, timeout=60):
    """nbgrader's programming interface to a course directory."""
    import logging

    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    logging.getLogger("traitlets").setLevel(logging.ERROR)
    # nbgrader starts programs of its environment by their bare names
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = f"sqlite:///{folder}/gradebook.db"
    config.ClearSolutions.code_stub = {"python": "# Your code here\nraise NotImplementedError()"}
    config.ClearSolutions.text_stub = "*Your answer here.*"
    config.Execute.timeout = timeout
    config.OverwriteCells.add_missing_cells = True
    return NbGraderAPI(config=config)


def build(out=BUILD, source=SOURCE):
    """Write the student's and the instructor's copy of every assignment, and the table of points."""
    shutil.rmtree(out, ignore_errors=True)
    course = out / "course"
    shutil.copytree(source, course / "source")
    api, marks = _course(course), []
    for name in assignments(source):
        result = api.generate_assignment(name)
        if not result["success"]:
            raise RuntimeError(f"{name}: {result.get('log')}\n{result.get('error')}")
        for kind, path in (("student", course / "release" / name), ("instructor", source / name)):
            nb = read(path / f"{name}.ipynb")
            nb.metadata = {"kernelspec": nb.metadata.kernelspec, "coursework": name}
            (out / kind).mkdir(exist_ok=True)
            (out / kind / f"{name}.ipynb").write_text(to_text(nb), encoding="utf-8")
        marks += [(name, cell, points, kind) for cell, points, kind in tasks(read(source / name / f"{name}.ipynb"))]
    with open(out / "points.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("assignment", "cell", "points", "marked"), *marks])
    return out


def tasks(nb):
    """(grade_id, points, "by tests" or "by hand") of every cell that gives points."""
    found = [(cell.cell_type, cell.metadata.get("nbgrader", {})) for cell in nb.cells]
    by = {"code": "by tests", "markdown": "by hand"}
    return [(meta["grade_id"], meta["points"], by[kind]) for kind, meta in found if meta.get("grade")]


# --- what students hand in ------------------------------------------------------------------------------------------


def _id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def identify(nb, releases):
    """Which assignment a notebook is, by its cells: students rename files."""
    ids = {_id(cell) for cell in nb.cells} - {None}
    common = {name: len(ids & {_id(cell) for cell in release.cells}) for name, release in releases.items()}
    name = max(common, key=common.get, default=None)
    if not name or not common[name]:
        raise CannotGrade("no cell of any assignment in it: was it retyped, or converted by another program?")
    return name


def repaired(nb, release):
    """The release with the student's answers and additional cells in it, and what had to be repaired.

    Test cells are the release's, deleted cells come back empty, and of a cell that was duplicated the last changed one
    counts.
    """
    own, notes, extra, last = {}, [], {}, None
    original = {_id(cell): cell for cell in release.cells if _id(cell)}
    for cell in nb.cells:
        key = _id(cell)
        if key not in original:
            if cell.source.strip() and cell.cell_type in ("code", "markdown") and cell.source not in known(release):
                extra.setdefault(last, []).append(cell)
            continue
        last, meta = key, original[key].metadata.nbgrader
        if not meta.get("solution"):
            if meta.get("grade") and _visible(cell) != _visible(original[key]):
                notes.append(f"test cell {key} was changed: the original ran")
            continue
        if key in own:
            notes.append(f"cell {key} is there twice: the last changed one counts")
        if key not in own or cell.source != original[key].source:
            own[key] = cell.source
    cells = list(extra.get(None, []))
    for cell in release.cells:
        key = _id(cell)
        cell = nbformat.from_dict(cell)
        if key in original and cell.metadata.nbgrader.get("solution"):
            if key in own:
                cell.source = own[key]
            else:
                notes.append(f"cell {key} is missing")
        cells += [cell, *(extra.get(key, []) if key else [])]
    for cell in cells:
        cell.pop("id", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    clean = [getattr(nbformat.v4, f"new_{c.cell_type}_cell")(c.source, metadata=c.metadata) for c in cells]
    return nbformat.v4.new_notebook(cells=clean, metadata=release.metadata), notes


def _visible(cell):
    """A cell's text without hidden tests and white space."""
    return "".join(re.sub("### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", cell.source, flags=re.S).split())


def known(release):
    return {cell.source for cell in release.cells if not _id(cell)}


def submissions(folder):
    """(student, path) of every file below ``folder``: the student is the folder, or the file's name up to a "_"."""
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        yield (parts[0] if len(parts) > 1 else path.stem.split("_")[0]), path


# --- grading --------------------------------------------------------------------------------------------------------


def grade(folder, out, jobs=None, timeout=60, seed=None, built=BUILD):
    """Grade every submission below ``folder``; write ``out``/grades.csv and feedback pages, and return the rows.

    Parameters
    ----------
    folder, out : path
    jobs : int, optional
        How many at once; the number of processors.
    timeout : int
        Seconds that a cell may take.
    seed : int, optional
        Of the data that the tests draw; a new one for each run if not given. It is kept in ``out``/seed.txt.
    """
    folder, out = Path(folder), Path(out)
    if not folder.is_dir():
        raise FileNotFoundError(f"grade: no folder {folder}")
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    seed = secrets.randbits(32) if seed is None else seed
    (out / "seed.txt").write_text(f"{seed}\n")
    releases = {path.stem: read(path) for path in sorted((built / "student").glob("*.ipynb"))}
    rows, read_in = [], {}
    for student, path in submissions(folder):
        row = dict.fromkeys(COLUMNS, "") | {"student": student, "file": str(path.relative_to(folder))}
        rows.append(row)
        try:
            if path.suffix != ".ipynb":
                raise CannotGrade("not a notebook (.ipynb)")
            try:
                nb = read(path)
            except Exception as error:  # whatever is wrong with a file, the others are graded
                raise CannotGrade(f"cannot be read: {type(error).__name__}") from None
            row["assignment"] = identify(nb, releases)
            read_in.setdefault((student, row["assignment"]), []).append((row, nb))
        except CannotGrade as error:
            row["problems"] = str(error)
    work = []
    for several in read_in.values():
        for row, nb in several:
            if len(several) > 1:
                files = ", ".join(other["file"] for other, _ in several if other is not row)
                row["problems"] = f"{len(several)} submissions by this student, none graded: keep one (also {files})"
            else:
                work.append((row, nb, releases[row["assignment"]]))

    def one(job):
        row, nb, release = job
        with tempfile.TemporaryDirectory() as place:
            try:
                nb, notes = repaired(nb, release)
                row |= _alone(Path(place), nb, row["assignment"], timeout, seed, built)
                row["problems"] = "; ".join([*notes, *filter(None, [row["problems"]])])
                page = Path(place) / "feedback.html"
                if page.exists():
                    name = re.sub(r"[^\w.-]+", "-", row["student"])
                    (out / "feedback" / name).mkdir(exist_ok=True)
                    shutil.copy(page, out / "feedback" / name / f"{row['assignment']}.html")
            except CannotGrade as error:
                row["problems"] = str(error)
            except Exception as error:
                row["problems"] = f"not graded: {type(error).__name__}: {error}"

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        list(pool.map(one, work))
    rows.sort(key=lambda row: (row["student"], row["assignment"], row["file"]))
    with open(out / "grades.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def _alone(place, nb, name, timeout, seed, built):
    """Grade one notebook in a process of its own, in the course directory ``place``; its points as a row."""
    shutil.copytree(built / "course" / "source" / name, place / "source" / name)
    shutil.copy(built / "course" / "gradebook.db", place / "gradebook.db")
    inbox = place / "submitted" / "student" / name
    inbox.mkdir(parents=True)
    (inbox / f"{name}.ipynb").write_text(to_text(nb), encoding="utf-8")
    startup = place / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "limits.py").write_text(LIMITS.format(memory=MEMORY, size=SIZE, output=OUTPUT))
    environment = os.environ | {"COURSEWORK_SEED": str(seed), "IPYTHONDIR": str(place / "ipython"), "MPLBACKEND": "agg"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "tools.coursework", "one", str(place), name, str(timeout)]
    options = {"cwd": ROOT, "env": environment, "text": True, "start_new_session": True}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    limit = 60 + timeout * (1 + sum(cell.cell_type == "code" for cell in nb.cells))
    try:
        said, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise CannotGrade(f"stopped after {limit} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
        process.wait()
    report = place / "report.json"
    if not report.exists():
        raise CannotGrade(f"grading ended early (memory?): {said.strip()[-300:]}")
    return json.loads(report.read_text())


def _one(place, name, timeout):
    """In the process of one submission: let nbgrader grade it, and write its points to report.json."""
    from nbgrader.api import Gradebook

    api = _course(place, timeout)
    result = api.autograde(name, "student")
    if not result["success"]:
        last = (result.get("error") or result.get("log") or "").strip().splitlines()[-1:]
        report = {"problems": f"cannot be run: {' '.join(last)}"}
    else:
        api.generate_feedback(name, "student")
        with Gradebook(f"sqlite:///{place}/gradebook.db") as gradebook:
            grades = gradebook.find_submission_notebook(name, name, "student").grades
            by_hand = sum(g.max_score for g in grades if g.needs_manual_grade)
            report = {
                "points": sum(g.auto_score or 0 for g in grades),
                "of": sum(g.max_score for g in grades),
                "to mark by hand": by_hand,
                "cells": {g.name: g.auto_score for g in grades},
                "problems": "",
            }
        page = place / "feedback" / "student" / name / f"{name}.html"
        if page.exists():
            shutil.copy(page, place / "feedback.html")
    (place / "report.json").write_text(json.dumps(report))


def main():
    parser = argparse.ArgumentParser(prog="python -m tools.coursework", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="write the copies for students and instructors to _build/assignments")
    grading = commands.add_parser("grade", help="grade a folder of submissions")
    grading.add_argument("folder")
    grading.add_argument("--out", default=str(BUILD / "grades"))
    grading.add_argument("--jobs", type=int)
    grading.add_argument("--timeout", type=int, default=60, help="seconds for a cell")
    grading.add_argument("--seed", type=int, help="of the tests' data, to grade again as in an earlier run")
    one = commands.add_parser("one")
    one.add_argument("place", type=Path)
    one.add_argument("name")
    one.add_argument("timeout", type=int)
    args = parser.parse_args()
    if args.command == "build":
        print(f"wrote {build()}")
    elif args.command == "grade":
        rows = grade(args.folder, args.out, args.jobs, args.timeout, args.seed)
        print(f"{sum(row['points'] != '' for row in rows)} of {len(rows)} files graded: {args.out}/grades.csv")
    else:
        _one(args.place, args.name, args.timeout)


if __name__ == "__main__":
    main()
