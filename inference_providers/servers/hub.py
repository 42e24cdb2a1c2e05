"""Files of Hugging Face, or of a mirror of it (`HF_ENDPOINT`): fetched in parts, going on where it stopped.

The hub says where a file is today (a redirect to a host of its network), so each part is asked of the hub anew. No
key is ever sent: what is asked for is open.
"""

from __future__ import annotations

import time
from urllib.parse import quote, urljoin

from inference_providers.credentials import host_of, is_loopback, written_address
from inference_providers.errors import LocalServerError
from inference_providers.servers import gguf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    from inference_providers.servers.open_models import OpenModel
    from inference_providers.transport import Response

ENDPOINT, VARIABLE = "https://huggingface.co", "HF_ENDPOINT"
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_AGAIN = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)  # statuses after which the same may be asked anew
_HOPELESS = ("forbidden", "setup", "tls")  # failures that the next try would meet as well
_AWAY = ("connect", "timeout", "deadline")  # failures of a host that is not reached at all
_TRIES = 5  # in a row that bring nothing new
_MOST_PARTS = 500
_SILENCE = 60.0  # seconds without a byte
_WHOLE = 7 * 24 * 3600.0  # seconds for one part
_LONGEST_PAUSE = 8.0  # seconds


def address(model: OpenModel, environ: Mapping[str, str]) -> str:
    """Where a model of the hub is asked for. Raises LocalServerError for a mirror that is not asked by https."""
    assert model.hub is not None
    endpoint, problem = written_address(environ.get(VARIABLE, "").strip() or ENDPOINT)
    if problem or not _is_safe(endpoint):
        why = f" ({problem})" if problem else ""
        raise LocalServerError(f"{VARIABLE} must be an https address{why}: nothing was fetched.")
    return "/".join([endpoint, model.hub["repository"], "resolve", model.hub["revision"], quote(model.hub["file"])])


def _is_safe(url: str) -> bool:
    """Whether it is https, or a server on this machine."""
    return url.startswith("https://") or (url.startswith("http://") and is_loopback(host_of(url)))


def fetch(
    model: OpenModel,
    file: IO[bytes],
    environ: Mapping[str, str],
    told: Callable[[int], None] = lambda count: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Write what *file* lacks of a model to its end. Raises LocalServerError; what came until then stays in the file.

    *told* gets the number of bytes so far. *pause*: waits so many seconds between tries.
    """
    _Fetch(model, file, environ, told, pause).run()


class _Fetch:
    def __init__(
        self,
        model: OpenModel,
        file: IO[bytes],
        environ: Mapping[str, str],
        told: Callable[[int], None],
        pause: Callable[[float], None],
    ) -> None:
        from inference_providers.transport import Limits, Sender

        self._model, self._file, self._told, self._pause = model, file, told, pause
        self._url = address(model, environ)
        self._sender = Sender(environ, Limits(connect=15.0))

    def run(self) -> None:
        """Ask until all is there."""
        from inference_providers.transport import WireError

        failures, problem, reached = 0, "", False
        furthest = self._begin()
        try:
            for _ in range(_MOST_PARTS):
                start = self._begin()
                if start == self._model.size:
                    return
                if failures:
                    self._pause(min(2.0 ** (failures - 1), _LONGEST_PAUSE))
                try:
                    self._part(start)
                    problem = "it ends too soon, again and again"
                except WireError as error:
                    if error.kind in _HOPELESS or (error.kind in _AWAY and not reached):
                        raise self._failed(f"it is not reached from here ({error})") from None
                    problem = str(error)
                except _NotNow as error:
                    problem = str(error)
                reached = reached or self._file.tell() > start
                failures = 0 if self._file.tell() > furthest else failures + 1
                furthest = max(furthest, self._file.tell())
                if failures == _TRIES:
                    break
            raise self._failed(problem)
        finally:
            self._sender.close()

    def _begin(self) -> int:
        """How many bytes are there; of a file that is too long none count."""
        start = self._file.seek(0, 2)
        return start if start <= self._model.size else self._emptied()

    def _emptied(self) -> int:
        self._file.seek(0)
        self._file.truncate()
        return 0

    def _part(self, start: int) -> None:
        """Append what one reply brings. Raises WireError where it is cut, _NotNow, and LocalServerError."""
        response = self._asked({"Range": f"bytes={start}-"} if start else {})
        try:
            if start and response.status == 200:  # it knows no ranges: all over again
                start = self._emptied()
            self._check_size(response, start)
            count = start
            for chunk in response.chunks:
                count += len(chunk)
                if count > self._model.size:
                    self._emptied()
                    raise self._failed("it sends more than the file has")
                self._file.write(chunk)
                self._told(count)
        finally:
            response.close()
            self._check_kind()

    def _check_kind(self) -> None:
        """Keep nothing of a page that is no model, such as a network's own: the next time would go on from it."""
        self._file.seek(0)
        begun = self._file.read(len(gguf.MAGIC))
        if not gguf.MAGIC.startswith(begun):
            self._emptied()
            raise self._failed("what comes is no model file")
        self._file.seek(0, 2)

    def _asked(self, headers: Mapping[str, str]) -> Response:
        """The reply that has the bytes, after all redirects."""
        from inference_providers.transport import Request

        url = self._url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._sender.send(Request("GET", url, headers), limit=_WHOLE, idle=_SILENCE)
            if response.status in (200, 206):
                return response
            response.close()
            if response.status not in _REDIRECTS:
                raise self._refused(url, response.status)
            url = self._next(url, response.headers.get("location", ""))
        raise self._failed(f"more than {_MOST_REDIRECTS} redirects")

    def _next(self, url: str, location: str) -> str:
        """Where a redirect leads: from https to https only, and from this machine anywhere that is as safe."""
        try:
            target = urljoin(url, location)
        except ValueError:
            target = ""
        if not location or not _is_safe(target) or (url.startswith("https://") and not target.startswith("https://")):
            raise self._failed(f"{host_of(url)} redirects to an address that is not asked")
        return target

    def _refused(self, url: str, status: int) -> Exception:
        host = host_of(url)
        if status in _AGAIN:
            return _NotNow(f"{host} says HTTP {status}")
        if status == 416:
            self._emptied()
            return _NotNow(f"{host} has no such part of it")
        why = {401: ": it wants a login", 403: ": it is not for everybody", 404: ": it is not there any more"}
        return self._failed(f"{host} says HTTP {status}{why.get(status, '')}")

    def _check_size(self, response: Response, start: int) -> None:
        """Refuse another file, or another part of it, before it is written."""
        size = self._model.size
        if response.status == 206:
            unit, _, place = response.headers.get("content-range", "").partition(" ")
            first, total = place.partition("-")[0], place.rpartition("/")[2]
            if unit.lower() != "bytes" or first != str(start) or total not in (str(size), "*"):
                raise _NotNow("another part came than was asked for")
            return
        length = response.headers.get("content-length")
        if length is not None and length != str(size) and "content-encoding" not in response.headers:
            raise self._failed(f"it has {length} bytes there, and should have {size}")

    def _failed(self, why: str) -> LocalServerError:
        from inference_providers.text import in_line

        self._file.flush()
        return LocalServerError(f"{self._model.name} cannot be fetched from {host_of(self._url)}: {in_line(why)}.")


class _NotNow(Exception):
    """What may be better the next time."""
