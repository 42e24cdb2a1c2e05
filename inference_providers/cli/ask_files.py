"""The files that `ask-ai` shows: paths as they are, standard input, and what is fetched from an address."""

from __future__ import annotations

import os

import click

from inference_providers.chat import MOST_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

STANDARD_INPUT = "-"
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_PATIENCE = 60.0  # seconds for a whole file


def attached(given: Iterable[str], data: bytes, environ: Mapping[str, str]) -> list[Any]:
    """What the library takes as *files*. *data*: what was on standard input.

    Raises UsageError where that is wanted and was nothing, and ClickException for what cannot be fetched.
    """
    found: list[Any] = []
    for one in given:
        if one == STANDARD_INPUT:
            if not data:
                raise click.UsageError("-a - takes a file from standard input, and nothing came from there.")
            found.append(("standard input", data))
        elif one.partition(":")[0].lower() in ("http", "https"):
            found.append(fetched(one, environ))
        else:
            found.append(one)
    return found


def _leads(at: str, location: str) -> str:
    """Where a redirect leads; empty for what is no address."""
    from urllib.parse import urljoin

    try:
        return urljoin(at, location)
    except ValueError:
        return ""


def fetched(url: str, environ: Mapping[str, str]) -> tuple[str, bytes]:
    """The name and the content of a file at an address. No credentials are sent.

    Raises ClickException, which says why, for what does not come.
    """
    from urllib.parse import unquote, urlsplit

    from inference_providers.credentials import host_of, is_private
    from inference_providers.offers import OFFLINE_VARIABLE, is_offline
    from inference_providers.transport import Request, Sender, WireError
    from inference_providers.upkeep import redacted

    def failure(why: object) -> click.ClickException:
        return click.ClickException(f"{redacted(url)} cannot be fetched: {why}")

    if is_offline(environ) and not is_private(host_of(url)):
        raise failure(f"{OFFLINE_VARIABLE} is set, or --offline")
    sender, at = Sender(environ), url
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            response = sender.send(Request("GET", at, {}), limit=_PATIENCE)
            if response.status == 200:
                name = os.path.basename(unquote(urlsplit(at).path.rstrip("/")))
                return name or host_of(at), response.read(MOST_BYTES)
            response.close()
            to = _leads(at, response.headers.get("location", ""))
            if response.status not in _REDIRECTS or to == at:
                raise failure(f"HTTP {response.status}")
            if not to.startswith("https://") and not (to.startswith("http://") and at.startswith("http://")):
                raise failure("it leads to an address that is not https")
            if is_private(host_of(to)) and not is_private(host_of(at)):
                raise failure("it leads into a private network")
            at = to
        raise failure(f"more than {_MOST_REDIRECTS} redirects")
    except WireError as error:
        raise failure(error) from None
    finally:
        sender.close()
