"""Downloads of registries and catalogues: https, no redirects, no credentials, limits on time and size."""

from __future__ import annotations

from inference_providers.credentials import host_of, is_loopback
from inference_providers.errors import RegistryError
from inference_providers.offers import OFFLINE_VARIABLE, is_offline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DOWNLOAD_TIMEOUT = 5.0  # seconds, for the whole download


def redacted(url: str) -> str:
    """*url* for a message: without user information, query and fragment, which may be secret."""
    scheme, mark, rest = url.partition("://")
    path = rest.partition("?")[0].partition("#")[0]
    return f"{scheme}{mark}{host_of(url)}/{path.partition('/')[2]}" if mark else path


def download(url: str, cap: int, etag: str | None, environ: Mapping[str, str]) -> tuple[bytes | None, str | None]:
    """The body and its ETag; (None, None) if it has not changed since *etag*. Proxies are those of *environ*.

    https only (http on this machine), no redirects, no credentials, 5 s for the whole download, at most *cap*
    bytes decompressed. Raises RegistryError.
    """
    from inference_providers.transport import Request, Sender, WireError

    if is_offline(environ) and not is_loopback(host_of(url)):
        raise _failure(url, f"{OFFLINE_VARIABLE} is set")
    if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(host_of(url))):
        raise _failure(url, "only https is used for updates")
    headers = {"Accept-Encoding": "gzip"}
    if etag:
        headers["If-None-Match"] = etag
    sender = Sender(environ)
    try:
        response = sender.send(Request("GET", url, headers), limit=DOWNLOAD_TIMEOUT)
        if response.status == 304 and etag:
            response.close()
            return None, None
        if response.status != 200:
            response.close()
            raise _failure(url, f"HTTP {response.status}")
        return response.read(cap), response.headers.get("etag")
    except WireError as error:
        raise _failure(url, str(error)) from None
    finally:
        sender.close()


def _failure(url: str, why: str) -> RegistryError:
    return RegistryError([f"{redacted(url)}: {why}"], "No registry could be downloaded")
