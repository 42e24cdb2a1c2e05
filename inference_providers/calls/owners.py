"""Which provider an id is from: a file, a response, a batch is known to whoever made it, and to nobody else."""

from __future__ import annotations

import re
from threading import Lock
from urllib.parse import parse_qsl, unquote

from inference_providers.errors import InvalidRequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.offers import Offer

_KEPT = 10_000  # ids
_NODES = 10_000  # values of a reply, or of a request, that are looked at
_LONGEST = 256  # characters of an id
_HEAD = 65536  # bytes of a stream in which ids are looked for: they come with its first events
_IN_STREAM = rb'"(?:id|thread_id)"\s{0,9}:\s{0,9}"([\w.:@~=+-]{1,256})"'
_SPLIT = 300  # bytes that an id and its name may take: looked at again with what follows
_TEXT, _INSIDE = 1, 2  # of a field: its text is an id; the `id` inside it is
_HOLDERS = {"conversation": _TEXT | _INSIDE, "container": _TEXT | _INSIDE, "prompt": _INSIDE, "audio": _INSIDE}
_PAGES = ("after", "before")  # of a query: the ids between which a list is; how many and in which order are none
_CALLS = ("call_id", "tool_call_id")  # of a turn, and not kept anywhere
# The words of OpenAI's paths: a server that calls a thing so must not have all requests for a kind of thing.
_PATHS = (
    "admin alpha assistants audio batches calls cancel chat checkpoints chatkit client_secrets compact "
    "complete completions containers content conversations edits embeddings evals events file_batches "
    "files fine_tuning generations graders images input_items input_tokens items jobs live messages "
    "models moderations organization output_items parts pause permissions realtime remix responses resume "
    "run runs search sessions skills speech steps submit_tool_outputs threads transcriptions translations "
    "uploads validate variations vector_stores versions videos "
)
_WORDS = frozenset(_PATHS.split())


class Owners:
    """Who gave which id, for all clients of one list: the last ones. Safe to share between threads."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept, self._known, self._lock = kept, dict[str, "Offer"](), Lock()

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, reply: Any, offer: Offer) -> None:
        """Remember the ids in a reply's JSON: its own, and those of what it speaks of."""
        for one in _ids(reply, every=True):
            self._note(one, offer)

    def stream(self, offer: Offer) -> StreamIds:
        """What remembers the ids in a stream, as it comes."""
        return StreamIds(self._note, offer)

    def _note(self, one: str, offer: Offer) -> None:
        if not 0 < len(one) <= _LONGEST or one.lower() in _WORDS:
            return
        with self._lock:
            self._known.pop(one, None)  # the last one to give an id is who has it; it goes to the end of the line
            self._known[one] = offer
            if len(self._known) > self._kept:
                del self._known[next(iter(self._known))]

    def of(self, path: str, body: Mapping[str, Any] | None) -> Offer | None:
        """Whose ids a request names, in its path and its query or in its body; None where none of them is known.

        Raises InvalidRequestError where they are several providers'.
        """
        if not self._known:
            return None
        found = {one: offer for one in (*_in_path(path), *_ids(body)) if (offer := self._known.get(one)) is not None}
        first = next(iter(found), None)
        if first is None:
            return None
        for one, offer in found.items():
            if not same_place(offer, found[first]):
                raise InvalidRequestError(
                    f"Nothing was sent: {first[:60]} is at {found[first].provider} and {one[:60]} at {offer.provider}; "
                    "a provider knows only what it made itself. A model in extra_body says who is to make a thing.",
                    code="foreign_id",
                )
        return found[first]


class StreamIds:
    """The ids in the first events of one stream."""

    def __init__(self, note: Any, offer: Offer) -> None:
        self._note, self._offer, self._tail, self._seen = note, offer, b"", 0

    def feed(self, piece: bytes) -> None:
        """What has come next."""
        if self._seen >= _HEAD:
            return
        text = self._tail + piece[:_HEAD]
        self._seen += len(piece)
        self._tail = text[-_SPLIT:]
        for match in re.finditer(_IN_STREAM, text):
            self._note(match[1].decode("ascii", "replace"), self._offer)


def same_place(one: Offer, other: Offer) -> bool:
    """Whether two offers are of one provider, at one address."""
    return one.provider == other.provider and one.endpoint == other.endpoint


def _in_path(path: str) -> Iterator[str]:
    where, _, query = path.partition("?")
    for segment in where.split("/"):
        if segment and segment not in _WORDS:
            yield unquote(segment)
    if query:
        try:
            named = parse_qsl(query, max_num_fields=100)
        except ValueError:
            return
        yield from (value for name, value in named if name in _PAGES or _kind(name.removesuffix("[]"), False))


def _ids(whole: Any, *, every: bool = False) -> Iterator[str]:
    """The ids that a JSON value names, by the names of their fields. *every*: also what it calls just `id`."""
    waiting: list[tuple[int, Any]] = [(0, whole)]
    for _ in range(_NODES):
        if not waiting:
            return
        kind, value = waiting.pop()
        if isinstance(value, str):
            if kind & _TEXT:
                yield value
        elif isinstance(value, list):
            waiting += [(kind & _TEXT, one) for one in value]
        elif isinstance(value, dict):
            plain = every or kind & _INSIDE or value.get("type") == "item_reference"
            waiting += [(_kind(key, bool(plain)), one) for key, one in value.items() if key != "metadata"]


def _kind(key: Any, plain: bool) -> int:
    if key in _HOLDERS:
        return _HOLDERS[key]
    is_id = isinstance(key, str) and key.endswith(("_id", "_ids", "_file", "_files")) and key not in _CALLS
    return _TEXT if is_id or (plain and key == "id") else 0
