"""What headers of a refusal say to whoever gets it in the end: when to come back, which request it was. Pure."""

from __future__ import annotations

from inference_providers.credentials import scrub
from inference_providers.errors import REQUEST_IDS
from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAMES = ("retry-after", "retry-after-ms", *REQUEST_IDS)
_PREFIXES = ("x-ratelimit-", "ratelimit")
_LONGEST, _MOST = 200, 30  # characters of a value; headers


def telling_headers(headers: Mapping[str, str], secrets: Iterable[str | None]) -> dict[str, str]:
    """Those headers of a refusal that are kept with its error, without keys. Names are in lower case."""
    hidden = list(secrets)
    kept = [(name, value) for name, value in headers.items() if name in _NAMES or name.startswith(_PREFIXES)]
    return {name[:_LONGEST]: scrub(printable(value[:_LONGEST]), hidden) for name, value in kept[:_MOST]}
