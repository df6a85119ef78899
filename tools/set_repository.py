"""Write the address of the repository everywhere it stands: python -m tools.set_repository OWNER/NAME"""

import argparse
import re
import sys
from pathlib import Path

from tools.notebooks import ROOT, chapters, normalize, read, repository, setup_text, to_text, write

FILES = ("pyproject.toml", "_config.yml", "CITATION.cff", "README.md")
SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")  # what GitHub allows
HOST = "https://github.com/"


def set_repository(slug, root=ROOT):
    """Replace the address in the four files, then in every setup cell; return the paths that changed."""
    if not SLUG.fullmatch(slug) or slug.endswith(".git"):
        raise ValueError(f"{slug!r} is not a GitHub repository: give OWNER/NAME, as in ada/deep-learning")
    old = repository(root).removeprefix(HOST)
    # "github.com/OWNER/NAME" and, in links to Colab, "github/OWNER/NAME"; never the start of a longer name
    address = re.compile(rf"(github(?:\.com)?/){re.escape(old)}(?![\w-])")
    changed = []
    for path in (root / name for name in FILES):
        text = path.read_text(encoding="utf-8")
        new = address.sub(lambda match: match[1] + slug, text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    setup = setup_text(root)
    for path in chapters(root):
        nb = normalize(read(path), setup)
        if to_text(nb) != path.read_text(encoding="utf-8"):
            write(path, nb)
            changed.append(path)
    return changed


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.set_repository", description=__doc__.split(":")[0])
    parser.add_argument("slug", metavar="OWNER/NAME")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)  # the test works on a copy
    options = parser.parse_args(argv)
    try:
        changed = set_repository(options.slug, options.root)
    except ValueError as error:
        parser.error(str(error))
    print("\n".join(str(path.relative_to(options.root)) for path in changed) or "nothing to change")


if __name__ == "__main__":
    sys.exit(main())
