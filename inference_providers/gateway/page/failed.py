"""What went wrong, as a page; who has no session is sent to log in."""

from __future__ import annotations

from inference_providers.gateway.page.frame import DIALECT as DIALECT
from inference_providers.gateway.page.frame import HOME, LOGIN, moved, whole
from inference_providers.rendering import tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_providers.gateway.messages import Outgoing

_SAID = {401: "Log in first", 403: "Not allowed", 404: "Nothing here", 405: "Not that way", 413: "Too large"}


def page_of(status: int, message: str, code: str, headers: Mapping[str, str]) -> Outgoing:
    """A failure. *code*: `login` where a session is missing."""
    if code == "login":
        return moved(LOGIN)
    title = _SAID.get(status, "That did not work")
    back = tag("p", tag("a", "To the overview", href=HOME))
    card = tag(
        "main", tag("h1", title), tag("p", message), tag("p", f"{status} {code}", class_="note"), back, id="main"
    )
    return whole(title, tag("div", card, class_="lone"), status=status, headers=headers)
