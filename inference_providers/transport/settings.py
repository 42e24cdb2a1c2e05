"""What the environment says of the network, for one address; for `doctor`. Nothing is sent."""

from __future__ import annotations

from inference_providers.credentials import address_of
from inference_providers.transport import tls
from inference_providers.transport.http import WireError
from inference_providers.transport.origins import Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def network_settings(url: str, environ: Mapping[str, str]) -> tuple[list[str], str]:
    """(variables that count for a URL, with their values but without logins; what is wrong, empty if nothing is).

    Raises ValueError for what is no plain http(s) URL.
    """
    used: list[str] = []
    address = address_of(url)
    try:
        origin = Origin(address, environ)
        used += [] if origin.proxy is None else [origin.proxy.shown]
        if "https" in (address.scheme, origin.first.scheme):
            used += [f"{name}={environ[name].strip()}" for name in tls.sources(environ)]
            tls.context(environ)
    except WireError as error:
        return used, str(error).removeprefix("nothing was sent: ")
    return used, ""
