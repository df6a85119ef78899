"""The bibliography: every work that a chapter cites is in references.bib, in one form. No test uses the network."""

import datetime
import re
import unicodedata
from urllib.parse import unquote

import pytest
import yaml
from pybtex.database import parse_file

from tools.notebooks import ROOT, read

BIB = ROOT / "chapters" / "appendix" / "references.bib"
PAGE = ROOT / "chapters" / "appendix" / "bibliography.md"
ENTRIES = parse_file(str(BIB)).entries

FIELDS = {
    "article": {"title", "journal", "year"},
    "inproceedings": {"title", "booktitle", "year"},
    "incollection": {"title", "booktitle", "publisher", "year", "pages"},
    "book": {"title", "publisher", "year"},
    "techreport": {"title", "institution", "year"},
    "misc": {"title", "year"},
}
WITHOUT_YEAR = {"reticular"}  # a thesis of which only one chapter is known
# Neither a DOI nor an address by the publisher, author or archive is known, nor, for a book, an ISBN.
WITHOUT_ADDRESS = {
    "bios740", "cauchy1847methode", "elkan2001foundations", "lecun1989generalization", "nair2010rectified",
    "nesterov1983method", "novikoff1962convergence", "nytimes1958new", "reticular", "rifai2011contractive",
    "rosenblatt1957perceptron", "rossi2024artificial", "tieleman2012lecture",
}  # fmt: skip
HTTP_ONLY = {"incompleteideas.net", "neuralnetworksanddeeplearning.com"}
SOFTWARE_AND_LICENSES = {"matplotlib.org", "scikit-learn.org", "creativecommons.org"}  # named with the data, not works


def normal(address):
    """What stays the same between two addresses of one work: its DOI, its number, or the address without its scheme."""
    address = unquote(address).rstrip("/.")
    if found := re.match(r"https?://(?:dx\.)?doi\.org/(.+)", address):
        return "doi:" + found[1].lower()
    if found := re.match(r"https?://arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})", address):
        return "arxiv:" + found[1]
    if found := re.search(r"\binria-\d+", address):  # the archive HAL answers under several names
        return found[0]
    address = re.sub(r"^https?://(www\.)?", "", address).removesuffix(".html")
    return next(
        (book for book in HTTP_ONLY if address.startswith(book)), address
    )  # a chapter of a book on its own site


def addresses(entry):
    fields = entry.fields
    found = ["https://doi.org/" + fields["doi"]] if "doi" in fields else []
    found += ["https://arxiv.org/abs/" + fields["eprint"]] if "eprint" in fields else []
    return found + ([fields["url"]] if "url" in fields else [])


def cited(source):
    """The works that a Markdown cell links: all under "Primary sources", elsewhere those with a DOI or arXiv number."""
    links = re.findall(r"\]\((https?://(?:[^\s()]|\([^\s()]*\))+)\)", source)
    if not re.search(r"(?m)^#+ Primary sources", source):
        links = [link for link in links if re.match(r"https?://((dx\.)?doi|arxiv)\.org/", link)]
    return [link for link in links if link.split("/")[2].removeprefix("www.") not in SOFTWARE_AND_LICENSES]


def listed():
    """The notebooks of the table of contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [path for path in (ROOT / f"{file}.ipynb" for file in files) if path.is_file()]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in listed()])
def test_every_work_that_a_chapter_cites_is_listed(path):
    known = {normal(address) for entry in ENTRIES.values() for address in addresses(entry)}
    links = [link for cell in read(path).cells if cell.cell_type == "markdown" for link in cited(cell.source)]
    missing = sorted({link for link in links if normal(link) not in known})
    assert not missing, f"{path.stem} cites what references.bib does not have: " + ", ".join(missing)


def test_keys_and_addresses_stand_once():
    text = BIB.read_text(encoding="utf-8")
    keys = [key.lower() for key in re.findall(r"(?m)^@\w+\{([^,]+),", text)]
    assert len(keys) == len(set(keys)) == len(ENTRIES)
    assert keys == sorted(keys), "entries are sorted by key"
    places = [normal(address) for entry in ENTRIES.values() for address in addresses(entry)]
    assert not {place for place in places if places.count(place) > 1}


def gaps(key, entry):
    """What an entry lacks."""
    required = FIELDS[entry.type] - ({"year"} if key in WITHOUT_YEAR else set())
    if not entry.persons.get("author"):
        yield "no author"
    if not required <= set(entry.fields):
        yield f"no {required - set(entry.fields)}"
    if not all(value and value.strip() == value for value in entry.fields.values()):
        yield "blanks"
    if not 1800 <= int(entry.fields.get("year", "2000")) <= datetime.date.today().year:
        yield f"year {entry.fields['year']}"
    if bool(addresses(entry) or "isbn" in entry.fields) == (key in WITHOUT_ADDRESS):
        yield "no address, or one although it stands in WITHOUT_ADDRESS"


def test_entries_are_whole():
    wrong = [f"{key}: {gap}" for key, entry in ENTRIES.items() for gap in gaps(key, entry)]
    assert not wrong, "\n".join(wrong)


def slips(key, entry):
    """Where an entry departs from the form of the others."""
    fields, authors = entry.fields, entry.persons["author"]
    for person in authors:
        first = " ".join(person.first_names + person.middle_names)
        if not re.fullmatch(r"(\w\.(-\w\.)? ?)*", first):
            yield f"{person}: first names are initials"
    last = "".join(authors[0].prelast_names + authors[0].last_names)
    plain = re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", last).casefold())
    named = fields.get("keywords") == "followed" or key == "nytimes1958new"
    if not named and not re.fullmatch(plain + fields["year"] + "[a-z0-9]+", key):
        yield f"the key is {plain}, year and a word of the title"
    if fields["title"].endswith("."):
        yield "a full stop after the title"
    if not re.fullmatch(r"[\w.:–]+(--\w+)?", fields.get("pages", "1")):
        yield f"pages {fields['pages']}"
    if not re.fullmatch(r"10\.\d{4,9}/[^\s{}\\%]+", fields.get("doi", "10.1000/1")):
        yield f"DOI {fields['doi']}"
    if ("eprint" in fields) != (fields.get("archiveprefix") == "arXiv"):
        yield "eprint and archiveprefix go together"
    if "eprint" in fields:
        number = re.fullmatch(r"(\d\d)(0[1-9]|1[0-2])\.\d{4,5}", fields["eprint"])
        if not number or abs(2000 + int(number[1]) - int(fields["year"])) > 3:
            yield f"arXiv:{fields['eprint']} in {fields['year']}"
    if "url" in fields:
        address = re.fullmatch(r"(https?)://(?:www\.)?([^/\s]+)\S*", fields["url"])
        if not address or (address[1] == "http") != (address[2] in HTTP_ONLY):
            yield fields["url"]


def test_entries_are_in_one_form():
    wrong = [f"{key}: {slip}" for key, entry in ENTRIES.items() for slip in slips(key, entry)]
    assert not wrong, "\n".join(wrong)


def test_page_shows_every_entry_once():
    filters = re.findall(r':filter: key % "\^\[([a-z]+)\]" and not \(keywords % "followed"\)', PAGE.read_text("utf-8"))
    assert "".join(filters) == "abcdefghijklmnopqrstuvwxyz"
    assert sum("keywords" in entry.fields for entry in ENTRIES.values()) == 5
    for key, entry in ENTRIES.items():
        assert entry.fields.get("keywords", "followed") == "followed", key


def test_what_the_sources_misattribute_is_right():
    """Corrections of the register that concern a bibliography."""
    assert len(ENTRIES["zeiler2012adadelta"].persons["author"]) == 1
    assert ENTRIES["kingma2015adam"].fields["eprint"].startswith("1412")
    assert ENTRIES["duchi2011adaptive"].fields["year"] == "2011"
    assert ENTRIES["lecun1989backpropagation"].fields["year"] == "1989" < ENTRIES["lecun1998gradient"].fields["year"]
