"""The lowest versions that setup.cfg allows, as constraints for pip: `python tests/lowest.py > lowest.txt`.

What the package asks for is held at its lower bound, the tools of the tests at what constraints.txt says. What these
bring along is free: nobody promises for it. Needs nothing but Python.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
WITHOUT = {"pydantic-core"}  # held by pydantic to one version each


def name_of(requirement: str) -> str:
    """The name of a package in the spelling that all tools know."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]).lower()


def lowest(requirement: str) -> str | None:
    """`name==version` of the lower bound; None where there is none."""
    found = re.fullmatch(r"([\w.-]+)\s*>=\s*([\w.]+).*", requirement.strip())
    return f"{found[1]}=={found[2]}" if found else None


def constraints() -> list[str]:
    """All of them, sorted. Raises ValueError for a requirement without a lower bound."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", "utf-8")
    own = {name_of(line): line for line in setup["options"]["install_requires"].split("\n") if line.strip()}
    if without := [name for name, line in own.items() if not lowest(line) and name not in WITHOUT]:
        raise ValueError(f"setup.cfg has no lower bound for {', '.join(without)}")
    extras = "\n".join(setup["options.extras_require"][extra] for extra in ("local", "test"))
    tools = {name_of(line) for line in extras.split("\n") if line.strip() and not line.strip().startswith("%")}
    pinned = [line for line in (ROOT / "constraints.txt").read_text("utf-8").split("\n") if name_of(line) in tools - set(own)]  # fmt: skip
    return sorted([*filter(None, map(lowest, own.values())), *pinned])


if __name__ == "__main__":
    print("\n".join(constraints()))
