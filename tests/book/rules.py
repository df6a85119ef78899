"""What every notebook of the book must keep to, one function a rule.

Each takes a notebook's path and content and returns messages that name the notebook and the cell (counted from 1);
an empty list means that the rule holds. test_rules.py breaks each of them on purpose.
"""

import ast
import base64
import json
import re

import nbformat

from tools.notebooks import ROOT, SETUP, WIDGET_VIEW, differences
from tools.register import register

CHECKS = {"check", "check_close", "gradcheck"}
SPEAKING = {"check", "check_close", "explore", "print"}  # a statement that calls one of these leaves an output
MAX_PNG, MAX_OUTPUT, MAX_NOTEBOOK, MAX_CELLS = 100_000, 200_000, 1_000_000, 60
MAX_CODE_LINES, MAX_OUTPUT_LINES = 40, 25
MIN_ALT = 40


# --- reading cells


def code_cells(nb):
    return [(n, cell) for n, cell in enumerate(nb.cells, start=1) if cell.cell_type == "code"]


def markdown_cells(nb):
    return [(n, cell) for n, cell in enumerate(nb.cells, start=1) if cell.cell_type == "markdown"]


def tags(cell):
    return cell.metadata.get("tags", [])


def tree(cell):
    """The cell's syntax tree; IPython's own lines (%magic, !command) count as ``pass``."""
    return ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", cell.source))


def called(node):
    """The name of what a call calls: ``f`` for both ``f()`` and ``module.f()``."""
    function = node.func
    return getattr(function, "id", getattr(function, "attr", ""))


def dotted(node):
    """``np.random.rand`` for such an attribute, ``None`` for anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def executed_nodes(node):
    """The nodes that run when the cell runs: not what is inside a function that is only defined."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from executed_nodes(child)


def constant(node):
    """Whether an expression is made of constants alone, so that it says nothing about the code."""
    return not any(isinstance(part, (ast.Name, ast.Attribute, ast.Call)) for part in ast.walk(node))


def has_check(cell):
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and called(node) in CHECKS)
        for node in executed_nodes(tree(cell))
    )


def data_of(cell, mime):
    return [output["data"][mime] for output in cell.outputs if mime in output.get("data", {})]


def printed(cell):
    """The text of the cell's outputs, with pictures left out."""
    texts = [output.get("text", "") for output in cell.outputs]
    texts += data_of(cell, "text/plain") + data_of(cell, "text/html")
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", "\n".join(texts))


def prose(text):
    """Markdown without its code and mathematics, lines kept."""
    text = re.sub(r"(?ms)^(`{3,}|~{3,})[^{\n]*\n.*?^\1\s*$", "", text)
    text = re.sub(r"(?<![`}])(`{1,2})(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.S)
    text = re.sub(r"\$\$.*?\$\$", "$$", text, flags=re.S)
    return re.sub(r"(?<![\\$])\$(?!\$)[^$]*\$", "", text)


# --- the rules


def opening(path, nb):
    """The first cell has the title and says what one will learn, what it builds on and what it costs."""
    first = nb.cells[0].source if nb.cells and nb.cells[0].cell_type == "markdown" else ""
    wanted = {"a title (# ...)": r"\A# \S"}
    wanted |= {f'"{words}"': re.escape(words) for words in ("You will be able to", "Builds on", "Runs in")}
    return [f"{path}: cell 1 lacks {what}" for what, regex in wanted.items() if not re.search(regex, first)]


def stated_cost(path, nb):
    """The run time and the memory that the first cell states are those measured when the notebook was executed."""
    stated = re.search(r"Runs in\W+(?:about )?(\d+) s\b.*?\b(\d+) MB", nb.cells[0].source if nb.cells else "")
    measured = nb.metadata.get("book")
    if not measured:
        return [f"{path}: metadata.book lacks the measured time and memory; run `make execute`"]
    if not stated:
        return [f'{path}: cell 1 lacks "Runs in about N s ..., M MB"']
    pairs = zip(("s", "MB"), map(int, stated.groups()), (measured["seconds"], measured["megabytes"]))
    return [
        f"{path}: cell 1 states {said} {unit}, measured were {found:.0f} {unit}"
        for unit, said, found in pairs
        if not said / 1.5 <= found <= said * 1.5
    ]


def setup_cell(path, nb):
    """The first code cell, and only it, is the setup cell, with the text of tools.notebooks.SETUP."""
    cells = code_cells(nb)
    marked = [n for n, cell in cells if "setup" in tags(cell)]
    if not cells or marked != [cells[0][0]]:
        return [f"{path}: the first code cell, and only that, must carry the tag setup (found in cells {marked})"]
    number, cell = cells[0]
    return [] if cell.source == SETUP else [f"{path}: cell {number} is not the common setup cell; make normalize"]


MYST = {
    "a MyST directive": r"(?m)^\s*(`{3,}|~{3,}|:{3,})\s*\{[\w:-]+\}",
    "a colon fence": r"(?m)^\s*:{3,}",
    "a MyST role": r"\{[A-Za-z][\w:-]*\}`",
    "a MyST label": r"(?m)^\s*\([\w-]+\)=\s*$",
    "a label behind a formula (use \\tag)": r"\$\$[ \t]*\([\w-]+\)",
    "a LaTeX environment outside $$": r"\\begin\{",
    "a footnote": r"\[\^[\w-]+\]",
    "an HTML comment": r"<!--",
}


def portable_markdown(path, nb):
    """Markdown reads the same in the book, JupyterLab, Colab and on GitHub."""
    messages = []
    for number, cell in markdown_cells(nb):
        text = prose(cell.source)
        found = [what for what, regex in MYST.items() if re.search(regex, text)]
        html = {tag.lower() for tag in re.findall(r"</?([A-Za-z][\w-]*)(?:\s[^<>]*)?/?>", text)}
        found += [f"HTML <{tag}>" for tag in sorted(html - {"details", "summary"})]
        messages += [f"{path}: cell {number} has {what}, which not every front end shows" for what in found]
    return messages


def executed_in_order(path, nb):
    """Every code cell was run, from top to bottom (nbval compares nothing in a cell that was not)."""
    messages, expected = [], 0
    for number, cell in code_cells(nb):
        if not cell.source.strip():
            messages.append(f"{path}: cell {number} is an empty code cell")
            continue
        expected += 1
        if cell.execution_count is None:
            messages.append(f"{path}: cell {number} was not executed; run `make execute`")
        elif cell.execution_count != expected:
            messages.append(f"{path}: cell {number} has execution count {cell.execution_count}, not {expected}")
    return messages


def outputs_stored(path, nb):
    """A cell that prints, checks or shows something has its output stored."""
    messages = []
    for number, cell in code_cells(nb):
        calls = [node.value for node in tree(cell).body if isinstance(node, ast.Expr)]
        calls = [call for call in calls if isinstance(call, ast.Call)]
        speaks = any(called(call) in SPEAKING or dotted(call.func) == "plt.show" for call in calls)
        if speaks and not cell.outputs:
            messages.append(f"{path}: cell {number} has no stored output; run `make execute`")
    return messages


def clean_outputs(path, nb):
    """No warning, error, live widget or SVG is stored, and no text that differs from run to run."""
    messages = []
    for number, cell in code_cells(nb):
        kinds = {output.output_type for output in cell.outputs}
        mimes = {mime for output in cell.outputs for mime in output.get("data", {})}
        found = ["text on stderr"] if any(o.get("name") == "stderr" for o in cell.outputs) else []
        found += ["an error"] if "error" in kinds else []
        found += ["a live widget"] if WIDGET_VIEW in mimes else []
        found += ["an SVG picture"] if "image/svg+xml" in mimes else []
        found += ["a memory address"] if re.search(r"\b0x[0-9a-f]{6,}", printed(cell)) else []
        found += ["a NumPy scalar's repr"] if re.search(r"\bnp\.(float|int|bool)\w*\(", printed(cell)) else []
        messages += [f"{path}: cell {number} stores {what}" for what in found]
    return messages


def known_sources(path, nb):
    """The register has every id that a cell names; prose may stand for items of the topic history alone."""
    messages = []
    for number, cell in enumerate(nb.cells, start=1):
        for identifier in cell.metadata.get("sources", []):
            item = register().get(identifier)
            if item is None:
                messages.append(f"{path}: cell {number} names {identifier!r}, which is not in data/sources")
            elif cell.cell_type == "markdown" and item["topic"] != "history":
                messages.append(f"{path}: cell {number} is prose, but {identifier} is no history: show it in code")
    return messages


def claims_are_checked(path, nb):
    """A cell that demonstrates a source's item checks it, with a condition that could be false."""
    messages = []
    for number, cell in code_cells(nb):
        if cell.metadata.get("sources") and not has_check(cell):
            messages.append(f"{path}: cell {number} names sources but has no check")
        for node in ast.walk(tree(cell)):
            empty = isinstance(node, ast.Assert) and constant(node.test)
            if isinstance(node, ast.Call) and called(node) in CHECKS - {"gradcheck"}:
                named = [k.value for k in node.keywords if k.arg in ("condition", "actual", "expected")]
                values = [*node.args[1:], *named][: 2 if called(node) == "check_close" else 1]
                same = len(values) == 2 and ast.dump(values[0]) == ast.dump(values[1])
                empty = same or all(constant(value) for value in values)
            if empty:
                messages.append(f"{path}: cell {number}, line {node.lineno}: this check cannot fail")
    return messages


def figures_have_alt(path, nb):
    """Every figure says in words what it shows; one figure a cell, since the words belong to the cell."""
    messages = []
    for number, cell in code_cells(nb):
        pictures = len(data_of(cell, "image/png"))
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if pictures > 1:
            messages.append(f"{path}: cell {number} shows {pictures} figures; give each a cell of its own")
        if pictures and len(alt.strip()) < MIN_ALT:
            messages.append(f"{path}: cell {number} lacks mystnb.image.alt of {MIN_ALT} characters or more")
        for html in data_of(cell, "text/html"):
            for tag in re.findall(r"<img\b[^>]*?(?=src=|>)", html):
                words = re.search(r'alt="([^"]*)"', tag)
                if not words or len(words[1].strip()) < MIN_ALT:
                    messages.append(f"{path}: cell {number} has a picture in HTML without alt of {MIN_ALT} characters")
                    break
    return messages


def sizes(path, nb):
    """Pictures, outputs, cells and the notebook are small enough to load on a phone and to read."""
    messages = []
    for number, cell in code_cells(nb):
        for png in data_of(cell, "image/png"):
            if (size := len(base64.b64decode(png))) > MAX_PNG:
                messages.append(f"{path}: cell {number} has a figure of {size // 1000} kB, at most {MAX_PNG // 1000}")
        for output in cell.outputs:
            if (size := len(json.dumps(output, ensure_ascii=False).encode())) > MAX_OUTPUT:
                messages.append(
                    f"{path}: cell {number} has an output of {size // 1000} kB, at most {MAX_OUTPUT // 1000}"
                )
            if (lines := len(output.get("text", "").splitlines())) > MAX_OUTPUT_LINES:
                messages.append(f"{path}: cell {number} prints {lines} lines, at most {MAX_OUTPUT_LINES}")
        lines = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if len(lines) > MAX_CODE_LINES:
            messages.append(f"{path}: cell {number} has {len(lines)} lines of code, at most {MAX_CODE_LINES}")
    if len(nb.cells) > MAX_CELLS:
        messages.append(f"{path}: {len(nb.cells)} cells, at most {MAX_CELLS}; it is two chapters")
    if (size := path.stat().st_size) > MAX_NOTEBOOK:
        messages.append(f"{path}: {size // 1000} kB, at most {MAX_NOTEBOOK // 1000}")
    return messages


def no_trailing_semicolon(path, nb):
    """nbval runs cells without history, where IPython does not honour a trailing semicolon."""
    return [
        f"{path}: cell {number} has a line that ends in a semicolon; end a figure with plt.show()"
        for number, cell in code_cells(nb)
        if re.search(r"(?m);\s*$", cell.source)
    ]


NEW_NUMPY_RANDOM = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}


def seeds_fixed(path, nb):
    """Random numbers come from a generator with a seed."""
    messages = []
    for number, cell in code_cells(nb):
        for node in ast.walk(tree(cell)):
            if not isinstance(node, ast.Call):
                continue
            name, given = dotted(node.func) or called(node), [*node.args, *(k.value for k in node.keywords)]
            seeded = any(not (isinstance(value, ast.Constant) and value.value is None) for value in given)
            parts = name.split(".")
            what = None
            if parts[-1] in ("default_rng", "Random") and not seeded:
                what = f"{name}() without a seed"
            elif parts[:2] in (["np", "random"], ["numpy", "random"]) and parts[-1] not in NEW_NUMPY_RANDOM:
                what = f"{name}(), NumPy's global stream; use np.random.default_rng(seed)"
            elif len(parts) == 2 and parts[0] == "random" and parts[1] != "Random":
                what = f"{name}(), Python's global stream; use np.random.default_rng(seed)"
            if what:
                messages.append(f"{path}: cell {number}, line {node.lineno}: {what}")
    return messages


def broken_links(path, text):
    """Targets of relative links in Markdown that are no file, looked up from the file's own folder."""
    targets = re.findall(r"\]\(\s*<?([^()\s<>]+)>?(?:\s+\"[^\"]*\")?\s*\)", prose(text))
    targets += re.findall(r"(?m)^\s*\[[^\]^]+\]:\s*(\S+)", prose(text))
    broken = []
    for target in targets:
        file = target.split("#")[0]
        if file and not re.match(r"[a-z][a-z+.-]*:", target) and not (path.parent / file).is_file():
            broken.append(target)
    return broken


def links_resolve(path, nb):
    """Links to other files of the book lead somewhere."""
    return [
        f"{path}: cell {number} links to {target}, which does not exist"
        for number, cell in markdown_cells(nb)
        for target in broken_links(path, cell.source)
    ]


def solutions_folded(path, nb):
    """A solution is folded in the book, in JupyterLab and in Colab alike."""
    messages = []
    for number, cell in code_cells(nb):
        marks = {
            "the tag hide-cell": "hide-cell" in tags(cell),
            "jupyter.source_hidden": bool(cell.metadata.get("jupyter", {}).get("source_hidden")),
            'cellView "form"': cell.metadata.get("cellView") == "form",
            'a first line "#@title Solution..."': bool(re.match(r"#\s*@title Solution", cell.source)),
        }
        if any(marks.values()):
            messages += [f"{path}: cell {number} is a solution without {m}" for m, there in marks.items() if not there]
    return messages


def escapes_are_checked(path, nb):
    """A cell whose output nbval does not compare has a check in it or in the next one; none is skipped."""
    messages, cells = [], code_cells(nb)
    for i, (number, cell) in enumerate(cells):
        comment = re.search(r"(?mi)^\s*#\s*(NBVAL_|PYTEST_VALIDATE)", cell.source)
        bad = sorted(set(tags(cell)) & {"nbval-skip", "nbval-raises-exception", "raises-exception"})
        if bad or comment:
            messages.append(f"{path}: cell {number} uses {bad[0] if bad else 'an NBVAL comment'}, which hides it")
        if "nbval-ignore-output" in tags(cell) and not any(has_check(c) for _, c in cells[i : i + 2]):
            messages.append(f"{path}: cell {number} has nbval-ignore-output but no check in it or the next cell")
    return messages


MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:home|tmp|work|root|Users|private|opt|mnt)/\w|\b[A-Z]:\\(?:Users|\w+\\)")


def no_machine_paths(path, nb):
    """Nothing names a folder of the machine that it was written on."""
    messages = []
    for number, cell in enumerate(nb.cells, start=1):
        text = prose(cell.source) if cell.cell_type == "markdown" else cell.source + "\n" + printed(cell)
        if found := MACHINE_PATH.search(text):
            messages.append(f"{path}: cell {number} names a machine's folder ({found[0]}...)")
    return messages


def normalized(path, nb):
    """The file is in the one form that is committed."""
    return differences(path)


def valid(path, nb):
    """The file is a notebook of format 4.5."""
    try:
        nbformat.validate(nb, version=4, version_minor=5)
    except nbformat.ValidationError as error:
        return [f"{path}: not a valid notebook: {error.message}"]
    return []


RULES = [
    valid,
    normalized,
    opening,
    stated_cost,
    setup_cell,
    portable_markdown,
    executed_in_order,
    outputs_stored,
    clean_outputs,
    known_sources,
    claims_are_checked,
    figures_have_alt,
    sizes,
    no_trailing_semicolon,
    seeds_fixed,
    links_resolve,
    solutions_folded,
    escapes_are_checked,
    no_machine_paths,
]


def pages():
    """The Markdown files whose links are followed."""
    return [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "chapters").rglob("*.md"))]
