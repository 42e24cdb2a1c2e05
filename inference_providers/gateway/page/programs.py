"""What to paste so that a program uses this gateway. The token itself is on no page: its variable is."""

from __future__ import annotations

from inference_providers.gateway.page.frame import page, page_route, section
from inference_providers.gateway.page.parts import copied
from inference_providers.gateway.page.program_lines import PROGRAMS, TOKEN
from inference_providers.gateway.sessions import is_secure
from inference_providers.rendering import tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Incoming, Outgoing
    from inference_providers.gateway.page.program_lines import Program
    from inference_providers.gateway.service import Gateway
    from inference_providers.rendering import Markup

PATH = "/page/programs"


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page: programs that speak what this gateway understands."""
    address = address_of(incoming)
    known = [program for program in PROGRAMS if gateway.answers("POST", program.path)]
    links = [tag("li", tag("a", program.name, href=f"#{program.id}")) for program in known]
    return page(
        gateway,
        incoming,
        "Programs",
        tag("nav", tag("ul", links), aria_label="Programs", class_="jump"),
        _first(),
        [_section(program, address) for program in known],
        lead="One address for all of them. Copy, paste, and ask for any model, or for auto.",
        scripts=("tools.js",),
    )


def address_of(incoming: Incoming) -> str:
    """Where the browser has found this gateway: its scheme, name and port."""
    return f"{'https' if is_secure(incoming.headers) else 'http'}://{incoming.headers.get('host', '')}"


def _first() -> Markup:
    said = tag(
        "p",
        "Programs read their key from a variable. Give each its own, with limits, on the page ",
        tag("a", "Callers", href="/page/callers"),
        ".",
        class_="note",
    )
    return section("First, the key", said, copied(TOKEN.text, TOKEN.where, "the key"), id="key")


def _section(program: Program, address: str) -> Markup:
    blocks = [copied(lines.at(address), lines.where, program.name) for lines in program]
    note = tag("p", program.note, class_="note") if program.note else None
    return section(program.name, blocks, note, id=program.id)


ROUTES = (page_route("GET", PATH, shown),)
