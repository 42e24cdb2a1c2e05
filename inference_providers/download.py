"""Downloads of registries and catalogues: https, no redirects, no credentials, a short time, a size limit."""

from __future__ import annotations

from inference_providers.credentials import host_of, is_loopback
from inference_providers.errors import RegistryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DOWNLOAD_TIMEOUT = 5.0  # seconds, for the whole download


def download(url: str, cap: int, etag: str | None = None) -> tuple[bytes | None, str | None]:
    """The body and its ETag; (None, None) when it has not changed since *etag*.

    https only (http on this machine), no redirects, no credentials, 5 s, at most *cap*
    bytes decompressed. Raises RegistryError.
    """
    import time

    import requests
    import urllib3

    here = is_loopback(host_of(url))
    if not url.startswith("https://") and not (here and url.startswith("http://")):
        raise RegistryError([f"{url}: only https is used for updates"])
    deadline = time.monotonic() + DOWNLOAD_TIMEOUT
    headers = {"User-Agent": "inference_providers", **({"If-None-Match": etag} if etag else {})}
    try:
        with requests.Session() as session:
            session.trust_env = not here
            session.auth = lambda request: request  # no credentials of a ~/.netrc
            with session.get(
                url, timeout=DOWNLOAD_TIMEOUT, stream=True, allow_redirects=False, headers=headers
            ) as response:
                if response.status_code == 304 and etag:
                    return None, None
                if response.status_code != 200:
                    raise RegistryError([f"{url}: HTTP {response.status_code}"])
                return _body(response, url, cap, deadline), response.headers.get("ETag")
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise RegistryError([f"{url}: {type(error).__name__}"]) from None


def _body(response: Any, url: str, cap: int, deadline: float) -> bytes:
    import time

    body = bytearray()
    while chunk := response.raw.read1(65536, decode_content=True):  # what has come: a drip cannot outlast the deadline
        body += chunk
        if len(body) > cap:
            raise RegistryError([f"{url}: larger than {cap} bytes"])
        if time.monotonic() > deadline:
            raise RegistryError([f"{url}: took longer than {DOWNLOAD_TIMEOUT:g} s"])
    return bytes(body)
