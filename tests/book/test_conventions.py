"""Every notebook keeps to every rule of rules.py, and the book's pages fit together."""

import re

import pytest
import yaml

from tests.book import rules
from tools import coverage
from tools.notebooks import ROOT, chapters, read
from tools.register import demonstrated, register

NOTEBOOKS = [pytest.param(path, id=path.stem) for path in chapters()]


@pytest.mark.parametrize("path", NOTEBOOKS)
@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_convention(rule, path):
    messages = rule(path, read(path))
    assert not messages, rule.__doc__ + "\n" + "\n".join(messages)


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_chapter_can_be_moved_and_practised(path):
    """At least one slider, and six exercises with their solutions."""
    code = [cell.source for _, cell in rules.code_cells(read(path))]
    solutions = sum("@title Solution" in source.partition("\n")[0] for source in code)
    assert any(re.search(r"^explore\(", source, re.MULTILINE) for source in code), f"{path}: nothing to explore()"
    assert solutions >= 6, f"{path}: {solutions} solutions, at least 6"


@pytest.mark.parametrize("page", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in rules.pages()])
def test_page_links_resolve(page):
    broken = rules.broken_links(page, page.read_text(encoding="utf-8"))
    assert not broken, f"{page}: links to {', '.join(broken)}, which do not exist"


def test_every_notebook_is_in_the_table_of_contents_once():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    there = [path.relative_to(ROOT).with_suffix("").as_posix() for path in chapters()]
    assert len(files) == len(set(files)), "_toc.yml names a file twice"
    assert not set(there) - set(files), f"not in _toc.yml: {sorted(set(there) - set(files))}"
    missing = [file for file in files if not list(ROOT.glob(f"{file}.*"))]
    assert not missing, f"_toc.yml names what does not exist: {missing}"


def test_the_book_has_notebooks():
    assert chapters(), "no notebook in chapters/: everything above would pass without testing anything"


def test_register_coverage(record_property):
    """Every statement of the sources is demonstrated by a cell, and every error of theirs proven."""
    items, done = list(register().values()), demonstrated()
    record_property("shown", "coverage of the register: " + " ".join(coverage.table(items, done)[-1].split()))
    assert len(items) > 1000
    assert not [item["id"] for item in items if item["id"] not in done]


def test_mathematics_has_no_markup_inside_text():
    """MathJax shows \\textbf inside \\text as it stands."""
    nested = re.compile(r"\\text\{[^{}$]*\\text")
    cells = [(path.stem, k, cell.source) for path in chapters() for k, cell in enumerate(read(path).cells)]
    assert not [(stem, k) for stem, k, text in cells if nested.search(text)]


def test_share_of_outputs_that_are_not_compared(record_property):
    cells = [cell for path in chapters() for _, cell in rules.code_cells(read(path))]
    ignored = sum("nbval-ignore-output" in rules.tags(cell) for cell in cells)
    record_property("shown", f"outputs not compared: {ignored} of {len(cells)} code cells")
    assert ignored <= 0.05 * len(cells)
