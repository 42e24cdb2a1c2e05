"""Which path is answered by whom, who may ask, and in what form it takes a body."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inference_providers.gateway.messages import Handler

API, ADMIN, OPEN, PAGE = "api", "admin", "open", "page"
_LONGEST = 200  # characters of a path that is said again
_DIALECTS = (
    ("/v1beta/", "gemini"),
    ("/v1/messages/", "messages"),
    ("/api/", "ollama"),
)  # of paths that nobody answers, by how they begin


class Route:
    """kind: API for the administrator and callers, ADMIN for the administrator alone, PAGE for him in a browser, too,
    by the cookie of a session, OPEN for anybody.

    pattern: segments; `{name}` is any one, `{name...}` all that is left, `{name:...}` that with a colon in it.
    takes_forms: bodies in multipart/form-data; takes_fields: in application/x-www-form-urlencoded. dialect: in which
    form errors are told.
    """

    __slots__ = ("dialect", "handler", "kind", "method", "pattern", "takes_fields", "takes_forms")

    def __init__(
        self,
        method: str,
        pattern: str,
        handler: Handler,
        kind: str = API,
        *,
        takes_forms: bool = False,
        takes_fields: bool = False,
        dialect: str = "openai",
    ) -> None:
        self.method, self.pattern, self.handler, self.kind = method, pattern, handler, kind
        self.takes_forms, self.takes_fields, self.dialect = takes_forms, takes_fields, dialect


class Routes:
    """The table of paths: most are found by one look."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[list[str], Route]] = []
        for route in routes:
            if "{" in route.pattern:
                self._patterns.append((route.pattern.split("/"), route))
            else:
                self._exact[route.method, route.pattern] = route
        self._named = {path for _, path in self._exact}

    def __iter__(self) -> Iterator[Route]:
        return iter([*self._exact.values(), *(route for _, route in self._patterns)])

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """The route for a request, and what stands for the names in its pattern."""
        route = self._exact.get((method, path))
        if route is not None or path in self._named:  # a path with a name of its own is none of a pattern's
            return route, {}
        segments = path.split("/")
        for pattern, route in self._patterns:
            if route.method == method and (values := _values(pattern, segments)) is not None:
                return route, values
        return None, {}

    def dialect(self, path: str) -> str:
        """In which form errors of a path are told that is not asked by this method, or is not there."""
        segments = path.split("/")
        for route in self:
            if _values(route.pattern.split("/"), segments) is not None:
                return route.dialect
        return next((dialect for head, dialect in _DIALECTS if path.startswith(head)), "openai")

    def near(self, path: str) -> str:
        """The path that was meant where the address that a program was given has too much or too little; empty if none.

        SDKs for OpenAI's API want `/v1` in their address, all others add what comes before a path themselves.
        """
        if len(path) > _LONGEST:
            return ""
        _, _, rest = path.lstrip("/").partition("/")
        return next((meant for meant in (f"/v1{path}", f"/{rest}") if len(meant) > 1 and self.methods(meant)), "")

    def methods(self, path: str) -> list[str]:
        """By which methods a path may be asked."""
        if path in self._named:
            return sorted(method for method, exact in self._exact if exact == path)
        segments = path.split("/")
        found = {route.method for pattern, route in self._patterns if _values(pattern, segments) is not None}
        return sorted(found)


def _values(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for place, part in enumerate(pattern):
        if part.endswith("...}"):
            rest, name = "/".join(segments[place:]), part[1:-4]
            fits = ":" in rest if name.endswith(":") else bool(rest)
            return {**values, name.rstrip(":"): rest} if fits else None
        if place >= len(segments):
            return None
        if part.startswith("{"):
            if not segments[place]:
                return None
            values[part[1:-1]] = segments[place]
        elif part != segments[place]:
            return None
    return values if len(pattern) == len(segments) else None
