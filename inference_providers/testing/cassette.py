"""Cassettes: replies of providers, recorded once in a file without keys, and played back in tests."""

from __future__ import annotations

import base64
import json
import os
import threading

from inference_providers import files
from inference_providers.credentials import DUMMY_KEY, Secret, scrub, scrub_events, sources_of
from inference_providers.errors import InferenceProvidersError
from inference_providers.offers import OFFLINE_VARIABLE
from inference_providers.registry import bundled
from inference_providers.text import jsontext
from inference_providers.transport import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.transport import Request

RECORD, REPLAY = "record", "replay"
_RECORDED_HEADERS = ("content-type", "retry-after", "retry-after-ms")
PLACEHOLDER = "replayed-without-key"


class CassetteError(InferenceProvidersError):
    """A request that is not in the recording, or a file that is not a recording."""


class Cassette:
    """One recording.

    In *record* mode requests go to the real providers and are kept; in *replay* mode nothing is sent.
    """

    def __init__(self, path: str | os.PathLike[str], mode: str) -> None:
        self.path, self.mode = os.fspath(path), mode
        self.skips_backoff, self.is_isolated = mode == REPLAY, False
        self._environs: list[Mapping[str, str]] = []
        self._variables: set[str] = set()
        self._addresses: dict[str, str] = {}  # variables that held addresses of providers
        self._rows: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        if mode == REPLAY:
            self._load()
        else:
            self._check_place()

    def __repr__(self) -> str:
        return f"<Cassette {self.path}, {self.mode}>"

    def _load(self) -> None:
        try:
            with open(self.path, encoding="utf-8", opener=files.regular) as file:
                data = jsontext.loads(file.read())
            self._rows, self._variables = list(data["interactions"]), set(data["variables"])
            self._addresses = dict(data.get("addresses") or {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CassetteError(f"{self.path} is not a recording ({_reason(error)}); record it anew.") from None

    def _check_place(self) -> None:
        """Raise CassetteError if the recording would overwrite something else."""
        try:
            if not os.path.lexists(self.path) or files.check_writable(self.path) is None:
                return
            with open(self.path, "rb", opener=files.regular) as file:
                content = file.read()
        except OSError as error:
            raise CassetteError(f"{self.path} cannot be written to: {error.strerror}") from None
        try:
            ours = not content.strip() or "interactions" in dict(jsontext.loads(content))
        except (ValueError, TypeError):
            ours = False
        if not ours:
            raise CassetteError(
                f"{self.path} is not a recording and would be overwritten; move it away, or give another file."
            )

    def registry(self) -> None:
        """None: the list's own registry is used."""
        return

    def environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """The environment; in replay mode with placeholders for the keys of the recording, and no other key."""
        if self.mode == RECORD:
            self._environs.append(environ)
            return environ
        keys = {name for row in bundled().providers.values() for name in row.key_variables}
        keys.add(OFFLINE_VARIABLE)  # nothing goes anywhere: what is played back is
        others = {name: environ[name] for name in environ if name not in keys}
        return {**others, **self._addresses, **dict.fromkeys(self._variables, PLACEHOLDER)}

    def sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
        """The sender that records, or plays back."""
        from inference_providers.testing.senders import Player, Recorder

        return Recorder(self, real(), secrets) if self.mode == RECORD else Player(self)

    def async_sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
        """`sender` for asyncio."""
        from inference_providers.testing.async_senders import AsyncPlayer, AsyncRecorder

        return AsyncRecorder(self, real(), secrets) if self.mode == RECORD else AsyncPlayer(self)

    def keep(self, request: Request, status: int, headers: Mapping[str, str], body: bytes, secrets: list[str]) -> None:
        """Record one exchange, with all keys removed, and write the file."""
        secrets = [*secrets, _key(request)]
        recorded = {name: scrub(headers[name], secrets) for name in _RECORDED_HEADERS if name in headers}
        self._add(request, {"status": status, "headers": recorded, "body": _text(body, secrets)}, secrets)

    def keep_failure(self, request: Request, error: WireError, secrets: list[str]) -> None:
        """Record that no response came, so that the next attempt is played back as well."""
        secrets = [*secrets, _key(request)]
        self._add(request, {"failure": error.kind, "message": scrub(str(error), secrets)}, secrets)

    def _add(self, request: Request, response: dict[str, Any], secrets: list[str]) -> None:
        body = _text(request.body or b"", secrets)
        key = _key(request)
        with self._lock:
            for environ in self._environs:
                self._variables |= {name for name, value in environ.items() if key and value.strip() == key}
                self._addresses |= {
                    name: value
                    for name, value in environ.items()
                    if name in _addresses() and _points_to(value, request)
                }
            self._rows.append(
                {"request": {"method": request.method, "url": request.url, "body": body}, "response": response}
            )
            self._write()

    def _write(self) -> None:
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        with files.replacing(self.path, text=True) as file:
            json.dump(
                {
                    "variables": sorted(self._variables),
                    "addresses": dict(sorted(self._addresses.items())),
                    "interactions": self._rows,
                },
                file,
                ensure_ascii=False,
                indent=1,
            )
            file.write("\n")

    def find(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) recorded for this request.

        Each recording is played once; the last of equal ones is repeated. Raises WireError if no response came when
        it was recorded, and CassetteError if the request is not in the recording.
        """
        wanted = _comparable(request.method, request.url, _text(request.body or b"", [PLACEHOLDER]))
        with self._lock:
            matches = [row for row in self._rows if _comparable(**row["request"]) == wanted]
            if not matches:
                raise CassetteError(
                    f"{self.path} holds no answer to this {request.method} {request.url}; "
                    "`pytest --inference-record=all` records it anew."
                )
            row = matches[0]
            if len(matches) > 1:
                self._rows.remove(row)
        response = row["response"]
        if "failure" in response:
            raise WireError(response["failure"], response["message"])
        return int(response["status"]), dict(response["headers"]), _bytes(response["body"])


def _reason(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, OSError) else type(error).__name__


def _key(request: Request) -> str:
    """The key of a request; empty for the dummy key of servers on this machine, which is not secret."""
    held = request.headers.get("Authorization") or next((v for v in request.headers.values() if type(v) is Secret), "")
    key = held.removeprefix("Bearer ")
    return "" if key == DUMMY_KEY else key


def _addresses() -> set[str]:
    """Variables that hold the address of a provider or of a server on this machine."""
    rows = [row for row in bundled().providers.values() if row.local is None]
    own = {name for row in rows for name in row.address_variables}
    return own | {name for row in rows for name in sources_of(row)}


def _points_to(value: str, request: Request) -> bool:
    address = value.strip().rstrip("/").rpartition("://")[2]
    return bool(address) and address in request.url


def _comparable(method: str, url: str, body: Any) -> Any:
    try:
        return method, url, jsontext.loads(body)
    except (ValueError, TypeError):
        return method, url, body


def _text(body: bytes, secrets: list[str]) -> Any:
    """A body as text, or in base 64 if it is not text."""
    body = scrub_events(body, secrets)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _bytes(kept: Any) -> bytes:
    return base64.b64decode(kept["base64"]) if isinstance(kept, dict) else str(kept).encode()
