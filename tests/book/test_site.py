"""The pages in _build/html, as a reader's browser gets them. `make test` builds them first."""

import inspect
import os
import re
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import dlkit
import dlkit.plot
from tools.notebooks import ROOT, chapters, read, repository
from tools.register import register

SITE = ROOT / "_build" / "html"
PAGES = [path.relative_to(ROOT).with_suffix(".html") for path in chapters()]
PAGES += [path.relative_to(ROOT).with_suffix(".html") for path in sorted((ROOT / "chapters").rglob("*.md"))]

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no pages in _build/html; run `make book`"),
]


class Page(HTMLParser):
    """The ids, links, pictures and scripts of a page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.images, self.scripts = set(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        self.links += [attributes["href"]] if tag == "a" and attributes.get("href") else []
        self.images += [attributes] if tag == "img" else []
        self.scripts += [attributes["src"]] if tag == "script" and attributes.get("src") else []


@pytest.fixture(params=PAGES, ids=str)
def page(request):
    path = SITE / request.param
    assert path.is_file(), f"{request.param} was not built"
    return path


@lru_cache
def parsed(path):
    return Page(path)


def test_links_lead_somewhere(page):
    this, broken = parsed(page), []
    for link in this.links + this.scripts + [image["src"] for image in this.images]:
        target, _, fragment = link.partition("#")
        if re.match(r"[a-z][a-z+.-]*:|//", target):
            continue
        file = Path(os.path.normpath(page.parent / unquote(target.split("?")[0]))) if target else page
        known = parsed(file).ids if file.suffix == ".html" and file.is_file() else set()
        if not file.is_file() or (fragment and file.suffix == ".html" and unquote(fragment) not in known):
            broken.append(link)
    assert not broken, f"{page}: broken links {sorted(set(broken))}"


def test_pictures_have_words(page):
    without = [image["src"][:60] for image in parsed(page).images if len(image.get("alt") or "") < 10]
    by_name = [image["src"] for image in parsed(page).images if "_images/" in (image.get("alt") or "")]
    assert not without + by_name, f"{page}: pictures without a text alternative: {without + by_name}"


def test_no_dead_widget_and_no_foreign_script(page):
    text = page.read_text(encoding="utf-8")
    assert "jupyter.widget" not in text, f"{page}: a widget without a kernel"
    # Sphinx links thebe and require.js only where it finds widgets; mathematics must not need a network either
    foreign = [script for script in parsed(page).scripts if re.match(r"https?:|//", script)]
    assert not foreign, f"{page}: scripts from elsewhere {foreign}"


def test_numbered_formulas_are_not_split(page):
    splits = re.findall(r"\\begin\{split\}.*?\\end\{split\}", page.read_text(encoding="utf-8"), flags=re.S)
    assert not [split for split in splits if r"\tag" in split], f"{page}: MathJax shows an error for \\tag in split"


@pytest.mark.parametrize("notebook", [path.relative_to(ROOT) for path in chapters()], ids=str)
def test_notebooks_open_in_colab(notebook):
    slug = repository().removeprefix("https://github.com/")
    wanted = f"https://colab.research.google.com/github/{slug}/blob/main/{notebook.as_posix()}"
    assert wanted in parsed(SITE / notebook.with_suffix(".html")).links, f"{notebook}: no link to {wanted}"


def test_no_script_stands_twice(page):
    scripts = re.findall(r"<script\b[^>]*>.*?</script>", page.read_text(encoding="utf-8"), flags=re.S)
    repeated = {script for script in scripts if scripts.count(script) > 1}
    assert not repeated, f"{page}: {[script[:80] for script in repeated]}"


def test_the_source_map_holds_every_item():
    missing = []
    for name in {item["source"] for item in register().values()}:
        page = parsed(SITE / "chapters" / "appendix" / "source-map" / f"{name}.html")
        missing += [i for i, item in register().items() if item["source"] == name and i not in page.ids]
    assert not missing


@pytest.mark.parametrize("notebook", chapters(), ids=lambda path: path.stem)
def test_cells_that_show_something_can_be_linked(notebook):
    page = parsed(SITE / notebook.relative_to(ROOT).with_suffix(".html"))
    cells = {f"cell-{n}" for n, cell in enumerate(read(notebook).cells) if cell["metadata"].get("sources")}
    assert cells <= page.ids


REFERENCE = SITE / "chapters" / "appendix" / "dlkit"
PUBLIC = {
    "tensors": [dlkit],
    "nn": [dlkit.nn, dlkit.nn.functional, dlkit.nn.init],
    "optim": [dlkit.optim, dlkit.optim.lr_scheduler, dlkit.nn.utils],
    "training": [dlkit.data, dlkit.training, dlkit.serialization, dlkit.checks, dlkit.plot],
}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_reference_lists_every_public_name(name):
    def offered(module):
        names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
        for n in names:
            value = getattr(module, n)
            ours = (getattr(value, "__module__", None) or "").startswith("dlkit")
            if ours and (inspect.isfunction(value) or inspect.isclass(value)):
                yield f"{module.__name__}.{n}"

    elsewhere = {f"dlkit.{n}" for n in ("check", "check_close", "gradcheck", "evaluate", "fit", "load", "save")}
    missing = {n for module in PUBLIC[name] for n in offered(module)} - parsed(REFERENCE / f"{name}.html").ids
    assert missing <= elsewhere
