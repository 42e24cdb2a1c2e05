"""Which provider an id is from: a file, a response, a batch is known to whoever made it, and to nobody else."""

from __future__ import annotations

import re
from threading import Lock
from urllib.parse import parse_qsl, unquote

from inference_providers.errors import InvalidRequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Protocol, TypeVar

    from inference_providers.offers import Offer

    class Placed(Protocol):
        """What is from one provider, at one address."""

        @property
        def provider(self) -> str: ...
        @property
        def endpoint(self) -> str: ...

    Place = TypeVar("Place", bound=Placed)

_KEPT = 10_000  # ids
_NODES = 10_000  # values of a reply, or of a request, that are looked at
_LONGEST = 256  # characters of an id
_HEAD = 65536  # bytes of a stream in which ids are looked for: they come with its first events
_IN_STREAM = rb'"(?:id|thread_id)"\s{0,9}:\s{0,9}"([\w.:@~=+-]{1,256})"'
_SPLIT = 300  # bytes that an id and its name may take: looked at again with what follows
_TEXT, _INSIDE = 1, 2  # of a field: its text is an id; the `id` inside it is
_HOLDERS = {"conversation": _TEXT | _INSIDE, "container": _TEXT | _INSIDE, "prompt": _INSIDE, "audio": _INSIDE}
IN_PATH, WITHIN = "path", "within"  # instead of a field: the id that a path is about, and those of parts of it
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
_REFERENCE = {"id", "type"}  # an object with nothing else may stand for a turn that is kept


class Owners:
    """Who gave which id, for all clients of one list: the last ones. Safe to share between threads."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept, self._known, self._lock = kept, dict[str, "Offer"](), Lock()

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, reply: Any, offer: Offer) -> None:
        """Remember the ids in a reply's JSON: its own, and those of what it speaks of."""
        for _, one in given_ids(reply):
            self._note(one, offer)

    def stream(self, offer: Offer) -> StreamIds:
        """What remembers the ids in a stream, as it comes."""
        return StreamIds(self._note, offer)

    def _note(self, one: str, offer: Offer) -> None:
        if not is_id(one):
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
        named = named_ids(path, body)
        return one_place({one: offer for _, one in named if (offer := self._known.get(one)) is not None})


def is_id(text: str) -> bool:
    """Whether a text can be an id that leads somewhere: it is not too long, and is not a word of OpenAI's paths."""
    return 0 < len(text) <= _LONGEST and text.lower() not in _WORDS


def named_ids(path: str, body: Any, most: int = _NODES, *, strict: bool = False) -> list[tuple[str, str]]:
    """The ids that a request names, in its path and its query and in its body, each with the field that it stands in.

    The field of the first one in the path is IN_PATH, of those behind it WITHIN. most: values of the body that are
    looked at. strict: raise InvalidRequestError where it has more of them, for whom an id overlooked is too much.
    """
    return [*_in_path(path), *_ids(body, most, strict=strict)]


def given_ids(reply: Any) -> Iterator[tuple[str, str]]:
    """The ids in a reply's JSON, each with its field: its own, and those of what it speaks of."""
    return ((field, one) for field, one in _ids(reply, _NODES, every=True) if is_id(one))


def one_place(found: Mapping[str, Place]) -> Place | None:
    """Where all of these ids are from: the first of them; None for none.

    Raises InvalidRequestError where they are of several providers.
    """
    first = next(iter(found), None)
    if first is None:
        return None
    for one, place in found.items():
        if not same_place(place, found[first]):
            raise InvalidRequestError(
                f"Nothing was sent: {first[:60]} is at {found[first].provider} and {one[:60]} at {place.provider}; "
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


def same_place(one: Placed, other: Placed) -> bool:
    """Whether two offers, or what is kept of them, are of one provider, at one address."""
    return one.provider == other.provider and one.endpoint == other.endpoint


def _in_path(path: str) -> Iterator[tuple[str, str]]:
    where, _, query = path.partition("?")
    field = IN_PATH
    for segment in where.split("/"):
        if segment and segment not in _WORDS:
            yield field, unquote(segment)
            field = WITHIN
    if query:
        named = parse_qsl(query)
        yield from ((name, value) for name, value in named if name in _PAGES or _kind(name.removesuffix("[]"), False))


def _ids(whole: Any, most: int, *, every: bool = False, strict: bool = False) -> Iterator[tuple[str, str]]:
    """The ids that a JSON value names, and by which field. *every*: also what it calls just `id`."""
    waiting: list[tuple[int, str, Any]] = [(0, "", whole)]
    for _ in range(most):
        if not waiting:
            return
        kind, field, value = waiting.pop()
        if isinstance(value, str):
            if kind & _TEXT:
                yield field, value
        elif isinstance(value, list):
            waiting += [(kind & _TEXT, field, one) for one in value]
        elif isinstance(value, dict):
            said = value.get("type")
            is_item = said == "item_reference" or (said is None and value.keys() <= _REFERENCE)
            plain, holder = every or kind & _INSIDE or is_item, field if kind & _INSIDE else "id"
            waiting += [
                (_kind(key, bool(plain)), holder if key == "id" else key, one)
                for key, one in value.items()
                if key != "metadata"
            ]
    if waiting and strict:
        raise InvalidRequestError("Nothing was sent: the body holds too many values.", code="too_many_values")


def _kind(key: Any, plain: bool) -> int:
    if key in _HOLDERS:
        return _HOLDERS[key]
    is_id = isinstance(key, str) and key.endswith(("_id", "_ids", "_file", "_files")) and key not in _CALLS
    return _TEXT if is_id or (plain and key == "id") else 0
