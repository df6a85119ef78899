"""Sphinx extension: the way from what a source says to the cell that shows it, and back.

Closes each notebook's page with the register items that its cells demonstrate, and fills the pages of the source map
with all items of a source. Both are made from the cells' metadata while the pages are read, so that they cannot
disagree with them.
"""

import html
import json
import posixpath
import re
import sys
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # jupyter-book adds only this file's folder

from tools.notebooks import read  # noqa: E402
from tools.register import demonstrated, register  # noqa: E402

MAP = "chapters/appendix/source-map/"  # a page for each source, by its name


def link(target, page, text):
    """HTML to a place that Sphinx does not know: (notebook, number of the cell)."""
    notebook, number = target
    address = posixpath.relpath(notebook, posixpath.dirname(page)).removesuffix(".ipynb")
    return f'<a href="{address}.html#cell-{number}">{html.escape(text)}</a>'


def kind(item):
    return "erratum" if item.get("erratum") else item["kind"]


def section(page, cells):
    """Markdown for the foot of a notebook: its items, folded, one table per source. ``cells``: its cells."""
    found = {}
    for number, cell in enumerate(cells):
        for identifier in cell["metadata"].get("sources", []):
            found.setdefault(identifier, number)
    items = [register()[identifier] for identifier in found if identifier in register()]
    lines = ["## Sources", "", f"The cells of this chapter demonstrate {len(items)} items of our register."]
    for source in dict.fromkeys(item["source"] for item in sorted(items, key=lambda item: item["source"])):
        mine = [item for item in items if item["source"] == source]
        lines += ["", f"```{{dropdown}} {mine[0]['title']} ({len(mine)})", "| item | kind | where |", "|---|---|---|"]
        for item in mine:
            where = str(item["section"]).replace("|", "\\|").replace("\n", " ")
            shown = link((page, found[item["id"]]), page, item["id"])
            lines.append(f"| {shown} | {kind(item)} | {where} |")
        lines.append("```")
    return "\n".join(lines)


def append_sources(app, docname, source):
    """Add a Markdown cell to the notebook that Sphinx is about to read, or the items to a page of the source map."""
    if docname.startswith(MAP):
        source[0] += "\n" + source_map(docname)
        for path in (ROOT / "chapters").rglob("*.ipynb"):
            app.env.note_dependency(str(path))
        return
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    nb = json.loads(source[0])
    if any(cell["metadata"].get("sources") for cell in nb["cells"]):
        text = section(docname + ".ipynb", nb["cells"])
        for number, cell in enumerate(nb["cells"]):
            if cell["metadata"].get("sources") and cell["cell_type"] == "markdown":  # name_cells names the code
                cell["source"] = [f'<a id="cell-{number}"></a>\n\n', *cell["source"]]
        nb["cells"].append({"cell_type": "markdown", "id": "sources", "metadata": {}, "source": text})
        source[0] = json.dumps(nb)


def name_cells(app, doctree):
    """Give the cells that demonstrate something an id, so that a link can lead to them."""
    for node in doctree.findall(nodes.container):
        if node.get("cell_metadata", {}).get("sources"):
            node["ids"].append(f"cell-{node['cell_index']}")


# --- the source map -------------------------------------------------------------------------------------------------


def source_map(docname):
    """Markdown with all items of one source, section by section, each with links to the cells that show it."""
    items = [item for item in register().values() if item["source"] == docname.removeprefix(MAP)]
    done, errata = demonstrated(), sum(bool(item.get("erratum")) for item in items)
    shown = sum(item["id"] in done for item in items)
    parts = [
        f"<p>{len(items)} items, {shown} of them shown; {errata} need a correction.</p>",
        '<p class="source-filter"><label>Filter <input type="search" placeholder="words, or an id"></label> '
        '<label><input type="checkbox"> only what needs a correction</label> <output></output></p>',
    ]
    for name in dict.fromkeys(str(item["section"]) for item in items):
        parts += ["", f"## {'Section ' if name[0].isdigit() else ''}{name}", "", "<dl>"]
        parts += [entry(item, done.get(item["id"], []), docname) for item in items if str(item["section"]) == name]
        parts.append("</dl>")
    return "\n".join(parts)


def entry(item, cells, page):
    """One item: what the source says, what is right if that is not, and where it is shown."""
    says = f"<p>{prose(item['states'])}</p>"
    if wrong := item.get("erratum"):
        says += f"<p><strong>Correction.</strong> {prose(wrong['says'])} <em>Instead:</em> {prose(wrong['right'])}</p>"
    where = ", ".join(link(cell, page, title(cell[0])) for cell in dict(reversed(cells)).items())
    return (
        f'<div class="source-item"{" data-erratum" if wrong else ""} id="{item["id"]}">'
        f"<dt><code>{item['id']}</code> {kind(item)}</dt><dd>{says}"
        f"<p>{'Shown in ' + where if where else 'Not shown yet'}.</p></dd></div>"
    )


def prose(text):
    """Text of the register as HTML: formulas between dollars, code between backticks."""
    text = html.escape(" ".join(text.split()), quote=False)
    text = re.sub(r"(?<!\\)\$(.+?)(?<!\\)\$", r'<span class="math notranslate nohighlight">\\(\1\\)</span>', text)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def title(notebook):
    return read(ROOT / notebook).cells[0]["source"].splitlines()[0].removeprefix("# ")


def want_formulas(app, pagename, templatename, context, doctree):
    """Sphinx loads MathJax where it has met a formula; those in raw HTML it does not see."""
    if pagename.startswith(MAP):
        app.env.get_domain("math").data["has_equations"][pagename] = True


def setup(app):
    app.connect("source-read", append_sources)
    app.connect("doctree-read", name_cells)
    app.connect("html-page-context", want_formulas, priority=100)  # before Sphinx decides
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
