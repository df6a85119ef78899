"""Each rule of rules.py is broken on purpose: a check that cannot fail is none."""

import base64

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.book import rules
from tools.notebooks import SETUP, WIDGET_VIEW, normalize, to_text

ALT = "A line that falls from the upper left to the lower right corner of the axes."
PNG = base64.b64encode(b"small").decode()
CHECKED, FIGURE = 2, 3  # positions of those cells below


def good():
    """A small notebook that keeps to every rule."""
    return normalize(
        new_notebook(
            cells=[
                new_markdown_cell(
                    "# Title\n\n**You will be able to** ...\n\n**Builds on**: ...\n\n**Runs in** 9 s, 99 MB"
                ),
                new_code_cell(SETUP, execution_count=1, metadata={"tags": ["setup"]}),
                new_code_cell(
                    'x = np.random.default_rng(0).normal()\ncheck("The draw is finite.", np.isfinite(x))',
                    execution_count=2,
                    metadata={"sources": ["bios740-perceptron-definition"]},
                    outputs=[new_output("stream", name="stdout", text="✓ The draw is finite.\n")],
                ),
                new_code_cell(
                    "plt.plot([1, 0])\nplt.show()",
                    execution_count=3,
                    metadata={"mystnb": {"image": {"alt": ALT}}},
                    outputs=[new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"})],
                ),
                new_code_cell(
                    "#@title Solution: one\nassert x < 9",
                    execution_count=4,
                    metadata={"tags": ["hide-cell"], "jupyter": {"source_hidden": True}, "cellView": "form"},
                ),
                new_markdown_cell("See [this](notebook.ipynb), a role in code `{eq}`, and $a<b$, $$x:=1.\\tag{1}$$"),
            ],
            metadata={"book": {"seconds": 8.1, "megabytes": 101}},
        )
    )


def messages(rule, nb, tmp_path):
    path = tmp_path / "notebook.ipynb"
    path.write_text(to_text(nb), encoding="utf-8")
    return rule(path, nb)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_passes(rule, tmp_path):
    assert messages(rule, good(), tmp_path) == []


def source(index, text):
    return lambda nb: nb.cells[index].update(source=text)


def append(cell):
    return lambda nb: nb.cells.append(cell)


def prose(text):
    return append(new_markdown_cell(text))


def code(text, **metadata):
    return append(new_code_cell(text, metadata=metadata, execution_count=5))


def checked(line):
    return source(CHECKED, line)


def output(new):
    return lambda nb: nb.cells[CHECKED].outputs.append(new)


def data(mime, value):
    return output(new_output("display_data", {mime: value}))


def tagged(index, *names):
    return lambda nb: nb.cells[index].metadata.update(tags=list(names))


def drop(index, key):
    return lambda nb: nb.cells[index].metadata.pop(key)


BROKEN = [
    (rules.valid, lambda nb: nb.cells[0].update(cell_type="poem"), "not a valid notebook"),
    (rules.normalized, lambda nb: nb.cells[2].metadata.update(ExecuteTime={}), "cell 3 is not in normal form"),
    (rules.normalized, lambda nb: nb.metadata.update(colab={}), "metadata or layout"),
    (rules.opening, source(0, "Title"), "cell 1 lacks a title"),
    (rules.opening, source(0, "# Title\n\nBuilds on, Runs in"), 'cell 1 lacks "You will be able to"'),
    (rules.opening, source(0, "# Title\n\nYou will be able to, Runs in"), 'cell 1 lacks "Builds on"'),
    (rules.opening, source(0, "# Title\n\nYou will be able to, Builds on"), 'cell 1 lacks "Runs in"'),
    (rules.stated_cost, source(0, "Runs in a moment"), 'cell 1 lacks "Runs in about N s'),
    (rules.stated_cost, source(0, "Runs in about 5 s, 99 MB"), "cell 1 states 5 s, measured were 8 s"),
    (rules.stated_cost, source(0, "Runs in about 9 s, 199 MB"), "cell 1 states 199 MB, measured were 101 MB"),
    (rules.stated_cost, lambda nb: nb.metadata.pop("book"), "metadata.book lacks the measured time"),
    (rules.setup_cell, source(1, SETUP + "\nimport os"), "cell 2 is not the common setup cell"),
    (rules.setup_cell, drop(1, "tags"), "must carry the tag setup"),
    (rules.setup_cell, tagged(2, "setup"), "found in cells [2, 3]"),
    (rules.portable_markdown, prose("```{note}\nText\n```"), "cell 7 has a MyST directive"),
    (rules.portable_markdown, prose(":::{note}\nText\n:::"), "cell 7 has a MyST directive"),
    (rules.portable_markdown, prose(":::\nText\n:::"), "cell 7 has a colon fence"),
    (rules.portable_markdown, prose("See {eq}`loss`."), "cell 7 has a MyST role"),
    (rules.portable_markdown, prose("(label)=\n## Title"), "cell 7 has a MyST label"),
    (rules.portable_markdown, prose("$$x$$ (loss)"), "cell 7 has a label behind a formula"),
    (rules.portable_markdown, prose("\\begin{align}x\\end{align}"), "cell 7 has a LaTeX environment"),
    (rules.portable_markdown, prose("Text[^1]\n\n[^1]: note"), "cell 7 has a footnote"),
    (rules.portable_markdown, prose("<!-- note -->"), "cell 7 has an HTML comment"),
    (rules.portable_markdown, prose('<img src="x.png"> and <b>this</b>'), "cell 7 has HTML <img>"),
    (rules.executed_in_order, lambda nb: nb.cells[3].update(execution_count=None), "cell 4 was not executed"),
    (rules.executed_in_order, lambda nb: nb.cells[3].update(execution_count=7), "cell 4 has execution count 7"),
    (rules.executed_in_order, code(""), "cell 7 is an empty code cell"),
    (rules.outputs_stored, lambda nb: nb.cells[CHECKED].update(outputs=[]), "cell 3 has no stored output"),
    (rules.outputs_stored, lambda nb: nb.cells[FIGURE].update(outputs=[]), "cell 4 has no stored output"),
    (rules.clean_outputs, output(new_output("stream", name="stderr", text="Warning")), "cell 3 stores text on stderr"),
    (rules.clean_outputs, output(new_output("error", ename="E", evalue="", traceback=[])), "cell 3 stores an error"),
    (rules.clean_outputs, data(WIDGET_VIEW, {"model_id": "1"}), "cell 3 stores a live widget"),
    (rules.clean_outputs, data("image/svg+xml", "<svg/>"), "cell 3 stores an SVG picture"),
    (rules.clean_outputs, data("text/plain", "<object at 0x7f12ab34>"), "cell 3 stores a memory address"),
    (rules.clean_outputs, data("text/plain", "[np.float64(1.0)]"), "cell 3 stores a NumPy scalar's repr"),
    (rules.known_sources, lambda nb: nb.cells[2].metadata.update(sources=["x-1"]), "cell 3 names 'x-1'"),
    (
        rules.known_sources,
        lambda nb: nb.cells[5].metadata.update(sources=["bios740-perceptron-definition"]),
        "cell 6 is prose",
    ),
    (rules.claims_are_checked, checked("x = 1"), "cell 3 names sources but has no check"),
    (rules.claims_are_checked, checked("def f():\n    check('a', x > 0)"), "cell 3 names sources but has no check"),
    (rules.claims_are_checked, checked("y = 1\ncheck('All is well.', True)"), "cell 3, line 2: this check cannot fail"),
    (rules.claims_are_checked, checked("check('All is well.', 1 < 2)"), "this check cannot fail"),
    (rules.claims_are_checked, checked("check('All is well.', condition=True)"), "this check cannot fail"),
    (rules.claims_are_checked, checked("check_close('Same.', x, x, rtol=y)"), "this check cannot fail"),
    (rules.claims_are_checked, checked("assert True"), "this check cannot fail"),
    (rules.figures_have_alt, drop(FIGURE, "mystnb"), "cell 4 lacks mystnb.image.alt"),
    (
        rules.figures_have_alt,
        lambda nb: nb.cells[FIGURE].metadata.update(mystnb={"image": {"alt": "A plot."}}),
        "cell 4 lacks mystnb.image.alt",
    ),
    (rules.figures_have_alt, lambda nb: nb.cells[FIGURE].outputs.extend(nb.cells[FIGURE].outputs), "shows 2 figures"),
    (rules.figures_have_alt, data("text/html", '<img hidden src="data:">'), "cell 3 has a picture in HTML without alt"),
    (rules.figures_have_alt, data("text/html", '<img alt="x" src="data:">'), "cell 3 has a picture in HTML"),
    (rules.sizes, data("image/png", base64.b64encode(bytes(110_000)).decode()), "cell 3 has a figure of 110 kB"),
    (rules.sizes, data("text/html", "x" * 210_000), "cell 3 has an output of 210 kB"),
    (rules.sizes, output(new_output("stream", text="line\n" * 26)), "cell 3 prints 26 lines"),
    (rules.sizes, source(CHECKED, "x = 1\n" * 41), "cell 3 has 41 lines of code"),
    (rules.sizes, lambda nb: nb.cells.extend([new_markdown_cell("x")] * 55), "61 cells, at most 60"),
    (rules.sizes, lambda nb: nb.cells[5].update(source="x" * 1_100_000), "notebook.ipynb: 110"),
    (rules.no_trailing_semicolon, code("plt.plot(x);  "), "cell 7 has a line that ends in a semicolon"),
    (rules.seeds_fixed, code("np.random.seed(0)\nnp.random.rand(3)"), "cell 7, line 2: np.random.rand()"),
    (
        rules.seeds_fixed,
        code("rng = np.random.default_rng()"),
        "cell 7, line 1: np.random.default_rng() without a seed",
    ),
    (rules.seeds_fixed, code("rng = np.random.default_rng(None)"), "without a seed"),
    (rules.seeds_fixed, code("import random\nrandom.shuffle(x)"), "cell 7, line 2: random.shuffle()"),
    (rules.seeds_fixed, code("import random\nr = random.Random()"), "cell 7, line 2: random.Random() without a seed"),
    (rules.links_resolve, prose("[this](../nowhere.ipynb#part)"), "cell 7 links to ../nowhere.ipynb#part"),
    (rules.links_resolve, prose("![this](picture.png)"), "cell 7 links to picture.png"),
    (rules.solutions_folded, tagged(4, "other"), "cell 5 is a solution without the tag hide-cell"),
    (rules.solutions_folded, drop(4, "jupyter"), "cell 5 is a solution without jupyter.source_hidden"),
    (rules.solutions_folded, drop(4, "cellView"), 'cell 5 is a solution without cellView "form"'),
    (rules.solutions_folded, source(4, "assert x < 9"), 'cell 5 is a solution without a first line "#@title'),
    (rules.escapes_are_checked, code("print(x)", tags=["nbval-ignore-output"]), "cell 7 has nbval-ignore-output but"),
    (rules.escapes_are_checked, code("print(x)", tags=["nbval-skip"]), "cell 7 uses nbval-skip"),
    (rules.escapes_are_checked, code("# NBVAL_SKIP\nprint(x)"), "cell 7 uses an NBVAL comment"),
    (rules.no_machine_paths, code("open('/home/ada/x')"), "cell 7 names a machine's folder (/home/a"),
    (rules.no_machine_paths, prose("Look in C:\\Users\\ada."), "cell 7 names a machine's folder"),
    (rules.no_machine_paths, data("text/plain", "saved to /tmp/abc"), "cell 3 names a machine's folder"),
]


@pytest.mark.parametrize(("rule", "breaking", "message"), BROKEN, ids=[f"{r.__name__}-{m}" for r, _, m in BROKEN])
def test_a_broken_notebook_is_reported(rule, breaking, message, tmp_path):
    nb = good()
    breaking(nb)
    found = messages(rule, nb, tmp_path)
    assert any(message in text for text in found), found
    assert all("notebook.ipynb" in text for text in found)


def test_every_rule_is_broken_somewhere():
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


def test_colab_metadata_and_ids_are_repaired():
    """What Colab saves (format 4.0, no ids) becomes the committed form, the same every time."""
    saved = nbformat.from_dict(good())
    saved.nbformat_minor = 0
    for cell in saved.cells:
        del cell["id"]
        cell.metadata["id"] = "abc"
    assert normalize(saved) == normalize(saved)
    assert to_text(normalize(normalize(saved))) == to_text(normalize(saved))
    assert [cell.source for cell in normalize(saved).cells] == [cell.source for cell in good().cells]
