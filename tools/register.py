"""The register of what the sources say (data/sources/*.yaml), and which notebook cells demonstrate it."""

from functools import lru_cache
from pathlib import Path

import yaml

from tools.notebooks import ROOT, chapters, read


@lru_cache
def register(root=ROOT):
    """Every item by its id; each gets the name (``source``) and title (``title``) of its source."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one reads the 20,000 lines ten times faster
    items = {}
    for path in sorted((Path(root) / "data" / "sources").glob("*.yaml")):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        for item in document["items"]:
            if item["id"] in items:
                raise ValueError(f"{path}: the id {item['id']} is used twice")
            items[item["id"]] = item | {"source": document["source"], "title": document["title"]}
    return items


def demonstrated(root=ROOT):
    """Register ids in the metadata of the book's cells, each with its places: (notebook, number of the cell)."""
    found = {}
    for path in chapters(root):
        for number, cell in enumerate(read(path).cells):
            for identifier in cell["metadata"].get("sources", []):
                found.setdefault(identifier, []).append((path.relative_to(root).as_posix(), number))
    return found
