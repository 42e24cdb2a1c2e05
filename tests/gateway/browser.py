"""What a browser is to the gateway's page: keeps cookies, sends forms, follows no redirects by itself."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlencode

from tests.gateway.strict_html import Page
from tests.running import Client


class Seen:
    """A reply."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status, self.headers, self.content = status, headers, content

    @property
    def page(self) -> Page:
        return Page(self.content.decode())

    @property
    def text(self) -> str:
        return self.page.text


class Browser:
    """One that is at a gateway."""

    def __init__(self, gateway: Client, scheme: str = "http") -> None:
        self.gateway, self.cookies = gateway, dict[str, str]()
        self.origin = f"{scheme}://127.0.0.1:{gateway.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Seen:
        """One request; *body* is a form's fields."""
        given = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content = None
        if body is not None:
            given |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
            content = body if isinstance(body, bytes) else urlencode(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
        try:
            connection.request(
                method, path, content, given | {key.replace("_", "-"): one for key, one in headers.items()}
            )
            reply = connection.getresponse()
            seen = Seen(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()
        if "set-cookie" in seen.headers:
            name, _, value = seen.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return seen

    def get(self, path: str, **headers: str) -> Seen:
        return self.ask("GET", path, **headers)

    def log_in(self) -> Seen:
        """Show the administrator's token."""
        return self.ask("POST", "/page/login", {"token": self.gateway.token})

    @property
    def csrf(self) -> str:
        """What forms of this session hold."""
        return self.get("/page/live").page.fields()["csrf"]
