"""Sphinx extension: the bibliography's entries in the form that the chapters use under "Primary sources".

Author, author (year). Title. *Where*, volume(number), pages. Addresses.
"""

import unicodedata

from pybtex.plugin import register_plugin
from pybtex.richtext import HRef, Tag, Text
from pybtex.style import FormattedEntry
from pybtex.style.formatting import BaseStyle

WHERE = ("journal", "booktitle", "publisher", "institution", "howpublished")  # the first that an entry has


def name(person):
    if str(person) == "others":
        return "and others"
    last = " ".join(str(part) for part in person.rich_prelast_names + person.rich_last_names)
    first = " ".join(str(part) for part in person.rich_first_names + person.rich_middle_names)
    return f"{last}, {first}" if first else last


def ascii_name(person):
    plain = unicodedata.normalize("NFKD", name(person))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


def place(entry):
    """By author, then by year."""
    return [ascii_name(person) for person in entry.persons["author"]], entry.fields.get("year", ""), entry.key


def source(entry):
    """Text, without a full stop: where the work appeared."""
    field = next((field for field in WHERE if field in entry.fields), None)
    if field is None:
        return Text()
    where = Text.from_latex(entry.fields[field])
    parts = [Tag("em", where) if field in ("journal", "booktitle") else where]
    if "volume" in entry.fields:
        series = entry.fields["series"] + " " if "series" in entry.fields else ""
        number = f"({entry.fields['number']})" if "number" in entry.fields else ""
        parts.append((", " if series else " ") + series.replace("Proceedings of Machine Learning Research", "PMLR"))
        parts.append(entry.fields["volume"] + number)
    elif "number" in entry.fields:
        parts.append(", report " + entry.fields["number"])
    if "pages" in entry.fields:
        parts.append(", " + entry.fields["pages"].replace("--", "–"))
    if field == "booktitle" and "publisher" in entry.fields:
        parts.append(", " + entry.fields["publisher"])
    if "edition" in entry.fields:
        parts.append(f", {entry.fields['edition'].lower()} edition")
    return Text(*parts)


def addresses(entry):
    fields, found = entry.fields, []
    if "doi" in fields:
        address = fields["doi"].replace("<", "%3C").replace(">", "%3E")
        found.append(HRef(f"https://doi.org/{address}", f"doi:{fields['doi']}"))
    if "eprint" in fields:
        found.append(HRef(f"https://arxiv.org/abs/{fields['eprint']}", f"arXiv:{fields['eprint']}"))
    if "url" in fields:
        host = fields["url"].split("//")[1].split("/")[0].removeprefix("www.")
        found.append(HRef(fields["url"], host))
    if "isbn" in fields:
        found.append(Text(f"ISBN {fields['isbn']}"))
    return found


class PrimarySources(BaseStyle):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.sort = lambda entries: sorted(entries, key=place)

    def format_entry(self, label, entry, bib_data=None):
        return FormattedEntry(entry.key, self.text(entry), label)

    def text(self, entry):
        authors = ", ".join(name(person) for person in entry.persons["author"]).replace(", and others", " and others")
        year = f" ({entry.fields['year']})" if "year" in entry.fields else ""
        title = Text.from_latex(entry.fields["title"])
        parts = [f"{authors}{year}. ", Tag("em", title) if entry.type == "book" else title]
        parts.append(" " if str(title)[-1] in "?!." else ". ")
        for piece in [source(entry), Text.from_latex(entry.fields.get("note", ""))]:
            parts += [piece, ". "] if len(piece) else []
        for address in addresses(entry):
            parts += [address, ", "]
        return Text(*parts[:-1], "." if parts[-1] == ". " else "")


def setup(app):
    register_plugin("pybtex.style.formatting", "primary-sources", PrimarySources)
    return {"parallel_read_safe": True}
