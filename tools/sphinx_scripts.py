"""Sphinx extension: formulas that need no network, and that may have several rows and a number; no script twice.

MathJax comes from the package sphinx-mathjax-offline. Its own extension copies 24 MB, every input and output format;
the pages use TeX and HTML, a tenth of that.
"""

import importlib.util
import shutil
from pathlib import Path

from docutils import nodes

PARTS = ("tex-chtml.js", "input/tex/extensions", "output/chtml/fonts")


def copy_mathjax(app, error):
    """Copy the parts that the pages use, after a build that succeeded."""
    if error or app.builder.format != "html":
        return
    package = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
    for part in PARTS:
        source, target = Path(package, "static", "mathjax", part), Path(app.outdir, "_static", "mathjax", part)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)


def leave_numbered_rows(app, doctree):
    """Keep Sphinx from wrapping a formula with rows into ``split``, where MathJax allows no ``\\tag``."""
    for node in doctree.findall(nodes.math_block):
        text = node.astext()
        if r"\tag" in text and r"\\" in text:
            node["nowrap"] = True
            node.children = [nodes.Text(rf"\[{text}\]")]


def drop_repeated_scripts(app, pagename, templatename, context, doctree):
    """Some extensions' scripts reach the page twice; constants that are declared again are an error there."""
    seen = {}
    for script in context.get("script_files", []):
        seen.setdefault((script.filename or "", script.attributes.get("body")), script)
    context["script_files"] = list(seen.values())


def setup(app):
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("doctree-read", leave_numbered_rows)
    app.connect("html-page-context", drop_repeated_scripts, priority=900)  # after all that add scripts
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
