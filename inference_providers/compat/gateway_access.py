"""A gateway as a client reaches it: its address, and its token, which goes there and nowhere else.

The token goes to the origin that was named (scheme, host and port), over https, or over http on this machine.
"""

from __future__ import annotations

import json

from inference_providers.credentials import Secret, Secretive, address_of, host_of, is_loopback, written_address
from inference_providers.transport import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.credentials import Address

_PATHS = ("/inference", "/v1")  # what addresses of this API end in, as people give them


class GatewayAccess(Secretive):
    """Where a gateway is, and the token for it. Raises ValueError for an address that a token must not go to."""

    peer_check = None

    def __init__(self, address: str, token: str | None) -> None:
        plain, problem = written_address(address)
        for path in _PATHS:
            plain = plain.removesuffix(path)
        if problem:
            raise ValueError(f"the gateway's address cannot be used: {problem}")
        self.address, self.host = plain, host_of(plain)
        self._origin = address_of(plain).origin
        if self._origin[0] != "https" and not is_loopback(self.host):
            raise ValueError(
                f"the gateway at {self.host} is reached over plain http, where everybody on the way can read its token "
                "and what is asked; use https. Plain http is for this machine."
            )
        self._token = Secret(token.strip()) if token and token.strip() else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.host}>"

    def forbids(self, address: Address) -> str:
        """Why a request with this token must not go to *address*; empty where it may."""
        return "" if address.origin == self._origin else f"the token of {self.host} goes there only"

    def request(self, method: str, path: str, body: Any = None, *, accept: str = "application/json") -> Request:
        """A request for the gateway. Raises ValueError for a body that JSON does not have."""
        headers = {"Accept": accept}
        if self._token is not None:
            headers["Authorization"] = Secret(f"Bearer {self._token}")
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        return Request(method, self.address + path, headers, content, self)
