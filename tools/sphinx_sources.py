"""Sphinx extension: closes each notebook's page with the register items that its cells demonstrate.

The list is made from the cells' metadata while the page is read, so that it cannot disagree with them.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # jupyter-book adds only this file's folder

from tools.register import register  # noqa: E402


def section(ids):
    """Markdown for the given register ids, folded, one table per source."""
    items = [register()[identifier] for identifier in dict.fromkeys(ids) if identifier in register()]
    lines = ["## Sources", "", f"The cells of this chapter demonstrate {len(items)} items of our register."]
    for source in dict.fromkeys(item["source"] for item in sorted(items, key=lambda item: item["source"])):
        mine = [item for item in items if item["source"] == source]
        lines += ["", f"```{{dropdown}} {mine[0]['title']} ({len(mine)})", "| item | kind | where |", "|---|---|---|"]
        for item in mine:
            kind = "erratum" if item.get("erratum") else item["kind"]
            where = str(item["section"]).replace("|", "\\|").replace("\n", " ")
            lines.append(f"| `{item['id']}` | {kind} | {where} |")
        lines.append("```")
    return "\n".join(lines)


def append_sources(app, docname, source):
    """Add a Markdown cell to the notebook that Sphinx is about to read."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    nb = json.loads(source[0])
    ids = [identifier for cell in nb["cells"] for identifier in cell["metadata"].get("sources", [])]
    if ids:
        nb["cells"].append({"cell_type": "markdown", "id": "sources", "metadata": {}, "source": section(ids)})
        source[0] = json.dumps(nb)


def setup(app):
    app.connect("source-read", append_sources)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
