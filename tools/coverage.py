"""Print how much of the register the notebooks demonstrate: python -m tools.coverage [--missing TOPIC]"""

import argparse

from tools.register import demonstrated, register


def table(items, done):
    """Lines with, per source, per topic and in all, items and errata demonstrated of how many."""

    def row(name, chosen):
        errata = [item for item in chosen if item.get("erratum")]
        share = [sum(item["id"] in done for item in part) for part in (chosen, errata)]
        return f"{name:28} {share[0]:5} of {len(chosen):5} items {share[1]:5} of {len(errata):4} errata"

    lines = []
    for key in ("source", "topic"):
        lines.append(f"by {key}")
        for name in sorted({item[key] for item in items}):
            lines.append(row(f"  {name}", [item for item in items if item[key] == name]))
    return [*lines, row("all", items)]


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.coverage", description=__doc__.split(":")[0])
    parser.add_argument("--missing", metavar="TOPIC", help="list the ids of a topic that no cell demonstrates")
    options = parser.parse_args(argv)
    items, done = list(register().values()), demonstrated()
    if options.missing:
        topics = {item["topic"] for item in items}
        if options.missing not in topics:
            parser.error(f"no topic {options.missing!r}; there are {', '.join(sorted(topics))}")
        lines = [i["id"] for i in items if i["topic"] == options.missing and i["id"] not in done]
    else:
        lines = table(items, done)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
