"""The ids that one request names: whether its caller may use them, who has them, and what its reply adds to them."""

from __future__ import annotations

import asyncio
import json
import re
import time

from inference_providers.calls import IN_PATH, StreamIds, given_ids, is_id, named_ids, one_place
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway.callers import ANYBODY
from inference_providers.gateway.ids import BATCH, FILE, LISTED, STORE, Known
from inference_providers.gateway.messages import Refused
from inference_providers.offers import offer_by
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.calls import Finder
    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.ids import Ids
    from inference_providers.gateway.messages import Incoming
    from inference_providers.offers import Offer

BASE = "/v1"
_MOST = 200_000  # values of a body that are looked at
# What is in a body wherever a field of it names an id: a search for these takes far less than reading it.
_SIGNS = (
    b'_ids"',
    b'_file"',
    b'_files"',
    b'"conversation"',
    b'"container"',
    b'"prompt"',
    b'"audio"',
    b"item_reference",
)
_ESCAPED = re.compile(rb"\\u00[2-7]")  # a letter of ASCII, by which a name could be written otherwise
# Fields of a body whose id must be known to be of the caller; what others name, nobody can guess.
_GUARDED = re.compile(rf"(^|_)({IN_PATH}|file_ids?|files?|response_id|vector_store_ids?|conversation|thread_id)$")
_KINDS = {"files": FILE, "batches": BATCH, "vector_stores": STORE}  # of what is listed, by its path
_FILES = ("output_file_id", "error_file_id")  # of a batch: files that its provider has made
_LONG = 4096  # bytes, from which a body is looked at quote by quote
_QUOTES = 1000  # of them, as long as that is faster
_ENDS = tuple(sign.removesuffix(b'"') for sign in _SIGNS)  # of what stands in quotes


def may_name_ids(content: bytes) -> bool:
    """Whether a body of JSON may name an id."""
    if len(content) > _LONG and (found := _at_quotes(content)) is not None:
        return found
    if any(sign in content for sign in _SIGNS) or content.count(b'_id"') > content.count(b'call_id"'):
        return True
    return b"\\u00" in content and _ESCAPED.search(content) is not None


def _at_quotes(content: bytes) -> bool | None:
    """`may_name_ids`, by what stands before each quote: a long text has few. None for too many quotes."""
    place = -1
    for _ in range(_QUOTES):
        place = content.find(b'"', place + 1)
        if place < 0:
            return b"\\" in content and b"\\u00" in content and _ESCAPED.search(content) is not None
        if content.endswith(_ENDS, 0, place):
            return True
        if content.endswith(b"_id", 0, place) and not content.endswith(b"call_id", 0, place):
            return True
    return None


class Named:
    """What one request names, and what is learnt from its reply. It stands for `calls.Owners` in a gateway."""

    def __init__(self, ids: Ids, caller: Caller, method: str = "", path: str = "") -> None:
        self._ids, self._caller, self._path, self._method = ids, caller, path, method
        self.rows: list[Known] = []
        self._offer: Offer | None = None
        self._noted: list[Known] = []

    async def read(self, incoming: Incoming, finder: Finder, nameable: Callable[[Any], Any] | None = None) -> Named:
        """Look up what a request names. nameable: gives what of a body may name something, where that is not all of it.

        Raises Refused (404) for what is not its caller's, InvalidRequestError for things of several providers.
        """
        body = None
        if incoming.content and "json" in incoming.headers.get("content-type", "json").lower():
            body = _body(incoming.content) if self._may_name(incoming.content) else None
        if body is not None and nameable is not None:
            body = nameable(body)
        query = f"?{incoming.query_string}" if incoming.query_string else ""
        found = named_ids(self._path + query, body, _MOST, strict=not self._caller.is_admin)
        named = [(field, one) for field, one in found if is_id(one)]
        if named:
            await self.check(named)
            self._find_offer(finder)
        return self

    def _may_name(self, content: bytes) -> bool:
        """Whether a body may name an id. Of a turn of a response an `id` may stand alone."""
        return may_name_ids(content) or (b'"id"' in content and self._path.startswith("/responses"))

    async def check(self, named: Sequence[tuple[str, str]]) -> None:
        """Look up ids, each with its field. Raises Refused (404) for one that is not the caller's."""
        found = await asyncio.to_thread(self._ids.find, [one for _, one in named])
        by_id: dict[str, list[Known]] = {}
        for row in found:
            by_id.setdefault(row.id, []).append(row)
        for field, one in named:
            rows = by_id.get(one, [])
            own = [row for row in rows if self._caller.is_admin or row.caller == self._caller.id]
            if own:
                self.rows.append(own[0])
            elif rows or (self._is_bound and _GUARDED.search(field)):
                raise Refused(404, f"There is no {one[:80]!r} here.", "not_found", parameter=field)

    @property
    def _is_bound(self) -> bool:
        """Whether the caller may use only what was made for it here, and nothing else that providers have."""
        return not self._caller.is_admin and self._caller.id != ANYBODY.id

    def _find_offer(self, finder: Finder) -> None:
        ours = next((row for row in self.rows if row.is_ours), None)
        if ours is not None:
            raise Refused(
                400, f"{ours.id} is kept here for a batch; no provider has it.", "kept_here", parameter="file_id"
            )
        place = one_place({row.id: row for row in self.rows})
        if place is not None:
            self._offer = offer_of(place, finder)

    def of(self, path: str, body: Mapping[str, Any] | None) -> Offer | None:
        """Whose ids the request names; None where none of them is known."""
        return self._offer

    async def learn(self, reply: Any, offer: Offer) -> None:
        """Remember what a reply says. Nothing is read or written where it names no id."""
        if isinstance(reply, dict):
            rows = [self._row(field, one, offer, reply) for field, one in given_ids(reply)]
            if rows:
                await asyncio.to_thread(self._remember, rows, reply)

    def _remember(self, rows: list[Known], reply: dict[str, Any]) -> None:
        self._ids.learn(rows)
        if self._method == "DELETE" and reply.get("deleted") is True:
            for row in self.rows:
                self._ids.forget(row)
            return
        for row in self.rows:
            if row.id == reply.get("id") and row.kind in LISTED:
                self._ids.see(row, reply)

    def _row(self, field: str, one: str, offer: Offer, reply: Mapping[str, Any] | None = None) -> Known:
        kind, data, made = "", None, False
        above = self._path.strip("/")
        if field == "id" and reply is not None and reply.get("id") == one:
            made = self._method == "POST" and not self.rows_in_path
            kind = _KINDS.get(above, "")
            data = json.dumps(reply) if kind else None
        elif field in _FILES:
            kind = FILE
        # What comes of something is of whom that is, whoever looks at it: the administrator may.
        caller = self.rows[0].caller if self.rows and not made else self._caller.id
        names = offer.canonical_name, offer.internal_name
        return Known(one, offer.provider, offer.endpoint, caller, time.time(), kind, *names, data, made=made)

    @property
    def rows_in_path(self) -> bool:
        """Whether an id stands in the path: what its reply tells of was there before."""
        return any(row.id in self._path for row in self.rows)

    def stream(self, offer: Offer) -> StreamIds:
        """What notes the ids in a stream, as it comes; `write` remembers them."""
        return StreamIds(
            lambda one, offer: self._noted.append(self._row("", one, offer)) if is_id(one) else None, offer
        )

    async def noting(self, pieces: AsyncIterator[bytes], offer: Offer) -> AsyncIterator[bytes]:
        """The pieces of a stream, with the ids in them remembered."""
        ids = self.stream(offer)
        async for piece in pieces:
            ids.feed(piece)
            await self.write()
            yield piece

    async def write(self) -> None:
        """Remember what was noted since the last time."""
        if self._noted:
            rows, self._noted = self._noted, []
            await asyncio.to_thread(self._ids.learn, rows)


async def check_body(ids: Ids, incoming: Incoming) -> None:
    """Raise Refused (404) where a body names something that is not its caller's."""
    if incoming.content and not incoming.caller.is_admin and may_name_ids(incoming.content):
        found = named_ids("", _body(incoming.content), _MOST, strict=True)
        await Named(ids, incoming.caller).check([(field, one) for field, one in found if is_id(one)])


def offer_of(row: Known, finder: Finder) -> Offer:
    """The offer of whoever made something, by its provider and address. Raises Refused where it cannot be asked now."""
    why = "which is not in the registry any more"
    if row.provider in finder.registry.providers:
        access = finder.accesses[row.provider]
        try:
            offer = offer_by(access, row.canonical, row.internal)
        except InferenceProvidersError as error:
            why = str(error)
        else:
            why = f"which cannot be asked now: {access.reason}" if access.reason else ""
            if not why and offer.endpoint == row.endpoint:
                return offer
            why = why or "which is reached by another address now"
    raise Refused(503, f"{row.id[:80]} was made by {row.provider}, {why}.", "provider_unavailable")


def _body(content: bytes) -> Any:
    """The value of a body. Raises Refused for one that another reader may understand, and name something by."""
    try:
        return jsontext.in_one_way(content)
    except ValueError as error:
        raise Refused(400, f"The body is not JSON that can be read: {error}", "invalid_json") from None
