"""Callers: who has a key, what it may do and what it has spent; keys made, changed and revoked.

A key is on the page that says it was made, which no browser keeps, and on no other; it is in no address.
"""

from __future__ import annotations

import asyncio
import time

from inference_providers.gateway.caller_fields import FieldError, UnknownCallerError
from inference_providers.gateway.messages import Refused
from inference_providers.gateway.page import caller_form
from inference_providers.gateway.page.caller_list import listed, spent_of, state_of, state_words
from inference_providers.gateway.page.frame import field, fields, form, moved, notice, page, page_route, section
from inference_providers.gateway.page.parts import copied
from inference_providers.rendering import tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.messages import Incoming, Outgoing
    from inference_providers.gateway.service import Gateway
    from inference_providers.rendering import Markup

    T = TypeVar("T")

PATH = "/page/callers"
NEW = f"{PATH}/_new"  # which nobody is called
_TITLE = "Callers"
_DONE = {"changed": "The new limits count from now on.", "revoked": "Its key is not taken any more."}


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The list."""
    rows = await _done(lambda: [(caller, spent_of(gateway, caller)) for caller in gateway.callers.list()])
    making = tag("p", tag("a", "Make a key", href=NEW, class_="button main"))
    return page(
        gateway, incoming, _TITLE, _said(incoming), tag("div", making, listed(rows, time.time()), class_="part"),
        lead="Each has a key of its own, with limits. A key is shown once, when it is made.",
    )  # fmt: skip


async def new(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The form for a new one."""
    return _new(gateway, incoming, {"name": "", **caller_form.values_of(None)}, {})


async def made(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A new one, and its key, this once."""
    sent = await fields(gateway, incoming)
    name = str(sent.get("name", "")).strip()
    try:
        caller, key = await _done(lambda: gateway.callers.create(name, **caller_form.read(sent)))
    except FieldError as error:
        return _new(gateway, incoming, sent, _problems(error))
    shown = (
        notice(tag("p", "Copy it now: it is shown this once, and nobody can look it up again."), kind="warn"),
        copied(key, "The key", caller.name, wraps=True),
        tag("p", "How programs take it: ", tag("a", "Programs", href="/page/programs"), "."),
        tag("p", tag("a", "To all callers", href=PATH, class_="button")),
    )  # fmt: skip
    return page(gateway, incoming, f"The key of {caller.name}", *shown, scripts=("tools.js",), status=201)


async def one(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One of them, to be changed."""
    caller = await _named(gateway, incoming)
    return await _one(gateway, incoming, caller, caller_form.values_of(caller), {})


async def changed(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Other limits."""
    sent = await fields(gateway, incoming)
    caller = await _named(gateway, incoming)
    try:
        new = caller_form.read(sent, caller_form.values_of(caller))
        await _done(lambda: gateway.callers.update(caller.name, **new))
    except FieldError as error:
        return await _one(gateway, incoming, caller, sent, _problems(error))
    return moved(f"{PATH}?done=changed&name={caller.name}")


async def asked(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Whether its key is to be revoked."""
    caller = await _named(gateway, incoming)
    action = f"{PATH}/{caller.name}/revoke"
    doing = form(
        gateway,
        incoming,
        action,
        tag("button", f"Revoke the key of {caller.name}", type="submit", class_="danger"),
        tag("a", "Keep it", href=f"{PATH}/{caller.name}", class_="button"),
        class_="actions",
    )
    said = (
        "Requests with it are refused from the next second on. That cannot be taken back; what was spent stays known."
    )
    return page(gateway, incoming, f"Revoke the key of {caller.name}?", tag("p", said), doing)


async def revoked(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Its key is taken no longer."""
    await fields(gateway, incoming)
    caller = await _named(gateway, incoming)
    await _done(lambda: gateway.callers.revoke(caller.name))
    return moved(f"{PATH}?done=revoked&name={caller.name}")


def _new(gateway: Gateway, incoming: Incoming, values: Mapping[str, Any], problems: Mapping[str, str]) -> Outgoing:
    known = {name: str(values.get(name, "")) for name in caller_form.FIELDS}
    hint = "Letters, digits and . _ @ -, for a person or a program: alice, build-server."
    name = field(
        "Name", "name", hint=problems.get("name") or hint, value=str(values.get("name", "")), required=True,
        maxlength="64", autocomplete="off", spellcheck="false", aria_invalid="true" if "name" in problems else None,
    )  # fmt: skip
    button = tag("div", tag("button", "Make the key", type="submit", class_="main"), _back(), class_="actions")
    asking = form(gateway, incoming, NEW, name, caller_form.inputs(known, problems), button, class_="stack wide")
    return page(gateway, incoming, "Make a key", _wrong(problems), asking, status=400 if problems else 200)


async def _one(
    gateway: Gateway, incoming: Incoming, caller: Caller, values: Mapping[str, Any], problems: Mapping[str, str]
) -> Outgoing:
    known = {name: str(values.get(name, "")) for name in caller_form.FIELDS}
    spent = await _done(lambda: spent_of(gateway, caller))
    path = f"{PATH}/{caller.name}"
    if caller.revoked is None:
        button = tag("div", tag("button", "Save", type="submit", class_="main"), _back(), class_="actions")
        changing = form(gateway, incoming, path, caller_form.inputs(known, problems), button, class_="stack wide")
        ending = section(
            "The key",
            tag("p", "Nobody can show it again. If it was lost, revoke it, and make one under another name."),
            tag("p", tag("a", "Revoke it …", href=f"{path}/revoke", class_="button danger")),
        )
    else:
        changing, ending = (
            notice(tag("p", "Its key was revoked, so there is nothing to change."), kind="warn"),
            _back("To all callers"),
        )
    state = state_of(caller, time.time())
    lead = state_words(caller, state, spent)
    return page(
        gateway, incoming, caller.name, _wrong(problems), changing, ending, lead=lead, status=400 if problems else 200
    )


def _back(words: str = "Cancel") -> Markup:
    return tag("a", words, href=PATH, class_="button")


def _said(incoming: Incoming) -> Markup | None:
    """What was done a moment ago, by the address that a form has led to."""
    query = incoming.query
    words = _DONE.get(query.get("done", ""))
    return (
        None if words is None else notice(tag("p", tag("strong", query.get("name", "")[:64]), ": ", words), kind="good")
    )


def _wrong(problems: Mapping[str, str]) -> Markup | None:
    if not problems:
        return None
    return notice([tag("p", words) for words in problems.values()], kind="bad")


def _problems(error: FieldError) -> dict[str, str]:
    return {error.field: caller_form.in_words(error)}


async def _named(gateway: Gateway, incoming: Incoming) -> Caller:
    found: Caller = await _done(lambda: gateway.callers.get(incoming.values["name"]))
    return found


async def _done(work: Callable[[], T]) -> T:
    """What it gives, apart from the event loop: it may wait for a disk. Raises Refused, and FieldError."""
    try:
        return await asyncio.to_thread(work)
    except UnknownCallerError as error:
        raise Refused(404, caller_form.in_words(error), "unknown_caller") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise Refused(503, f"The file of callers cannot be used now: {why}.", "callers_unavailable") from None


ROUTES = (
    page_route("GET", PATH, shown),
    page_route("GET", NEW, new),
    page_route("POST", NEW, made),
    page_route("GET", PATH + "/{name}", one),
    page_route("POST", PATH + "/{name}", changed),
    page_route("GET", PATH + "/{name}/revoke", asked),
    page_route("POST", PATH + "/{name}/revoke", revoked),
)
