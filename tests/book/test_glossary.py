"""The glossary: every term has a definition and leads to the chapter that defines it."""

import re

import yaml

from tools.notebooks import ROOT

PAGE = ROOT / "chapters" / "appendix" / "glossary.md"

# Terms whose chapter is not in the table of contents yet. When it is, they get their link and leave this list.
WAITING = {}


def entries():
    """[(term, definition)], in the order of the page."""
    blocks = re.findall(r"(?ms)^```\{glossary\}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))
    found = []
    for line in "\n".join(blocks).splitlines():
        if line.startswith("    "):
            found[-1][1].append(line.strip())
        elif line:
            found.append((line, []))
    return [(term, " ".join(lines)) for term, lines in found]


ENTRIES = entries()
TERMS = {term.casefold() for term, _ in ENTRIES}
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
LISTED = {chapter["file"].removeprefix("chapters/") for part in TOC["parts"] for chapter in part["chapters"]}


def test_terms_stand_once_and_in_order():
    terms = [term.casefold() for term, _ in ENTRIES]
    assert len(terms) == len(set(terms))
    wrong = [second for first, second in zip(terms, sorted(terms)) if first != second]
    assert not wrong, f"not alphabetical from {wrong[0]!r} on"
    assert len(terms) >= 200


def faults(term, text):
    """What is wrong with an entry."""
    links = re.findall(r"\]\(\.\./([a-z-]+/[a-z-]+)\.ipynb\)", text)
    definition = re.sub(r" \[[^\]]+\]\([^)]+\)$", "", text)
    if not definition.endswith(".") or len(definition.split()) < 3 or len(definition) > 260:
        yield f"{definition!r} is no short sentence"
    for other in re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", text):
        if other.casefold() not in TERMS:
            yield f"refers to {other!r}, which is no term"
    chapter = next((chapter for chapter, terms in WAITING.items() if term in terms), None)
    if chapter in LISTED:
        yield f"{chapter} is in the book: link the term to it and take it off the list above"
    elif chapter and links:
        yield "has its link: take it off the list above"
    elif not chapter and (len(links) != 1 or links[0] not in LISTED):
        yield f"links to {links}, not to one chapter of the table of contents"


def test_every_term_is_defined_and_linked():
    wrong = [f"{term}: {fault}" for term, text in ENTRIES for fault in faults(term, text)]
    assert not wrong, "\n".join(wrong)


def test_nothing_waits_that_is_no_term():
    assert {term.casefold() for terms in WAITING.values() for term in terms} <= TERMS
