"""Servers of MCP as the settings name them: `[mcp.NAME]` with a command or an address. Pure."""

from __future__ import annotations

import os
import re

from inference_providers.credentials import Address, address_of, is_private, scrub
from inference_providers.files import folders
from inference_providers.offers import OFFLINE_VARIABLE, is_offline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_ASKS = ("always", "writes", "never")  # when a person is asked before a call
TIMEOUT = 60.0  # seconds for the start of a server, and for each call
_NAME = r"(?!.*(?:__|_$))[A-Za-z0-9][A-Za-z0-9_-]{0,31}"  # so that `SERVER__TOOL` is said by one server alone
_SECRET = r"(?i)auth(?!ors?(?:_|$))|key|token|secret|cookie|passw"  # in names of headers and variables
_KEYS = ("command", "args", "env", "cwd", "url", "headers", "tools", "ask", "timeout")
# What a server gets of the environment, beside what its section names: nothing that may hold a key.
_NAMES = """
PATH HOME USER LOGNAME SHELL TERM LANG LANGUAGE TZ TMPDIR TEMP TMP LC_ALL LC_CTYPE LC_COLLATE LC_MESSAGES LC_MONETARY
LC_NUMERIC LC_TIME APPDATA HOMEDRIVE HOMEPATH LOCALAPPDATA PATHEXT PROCESSOR_ARCHITECTURE PROGRAMDATA PROGRAMFILES
SYSTEMDRIVE SYSTEMROOT USERNAME USERPROFILE XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_RUNTIME_DIR
"""
_PASSED = frozenset(_NAMES.split())


class Server:
    """One server of MCP: `command`, the words of it (empty for one that has an `address`), and how it is used.

    secrets: values of variables that it gets, which no message may show. tools: patterns of those that a model gets;
    empty for all.
    """

    def __init__(self, name: str, section: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.name, self.secrets = name, set[str]()
        _check(name, section)
        self.command: list[str] = []
        self.address: Address | None = None
        self.headers: dict[str, str] = {}
        self.environ: dict[str, str] = {}
        self.cwd = _folder(section.get("cwd"), environ)
        self.tools: Sequence[str] = section.get("tools", ())
        self._asks: str = section.get("ask", "writes")
        self.timeout = float(section.get("timeout", TIMEOUT))
        if "url" in section:
            self._set_address(section, environ)
        else:
            self.command = [section["command"], *section.get("args", ())]
            self.environ = {key: value for key, value in environ.items() if key.upper() in _PASSED}
            self.environ |= self._given(section.get("env", {}), environ)

    def __repr__(self) -> str:
        return f"<Server {self.name}>"

    def calls_freely(self, read_only: bool) -> bool:
        """Whether a tool is called without a question, by whether the server says that it only reads."""
        return self._asks == "never" or (self._asks == "writes" and read_only)

    @property
    def place(self) -> str:
        """The program or the host, for people."""
        return self.command[0] if self.address is None else f"{self.address.scheme}://{self.address.authority}"

    def shown(self, text: str) -> str:
        """A text of the server's, without the secrets that it was given, in whatever form it echoes them."""
        return scrub(text, self.secrets)

    def _set_address(self, section: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        where = f"[mcp.{self.name}]"
        self.address = address_of(section["url"])
        self.headers = self._given(section.get("headers", {}), environ)
        private = is_private(self.address.host)
        if not private and is_offline(environ):
            raise ValueError(f"{where} is at {self.address.host}, and {OFFLINE_VARIABLE} is set")
        if not private and self.headers and self.address.scheme == "http":
            raise ValueError(f"{where} would send its headers unencrypted to {self.address.host}; use https://")

    def _given(self, written: Mapping[str, str] | Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
        """Variables or headers: names alone are passed on, and `${NAME}` in a value is that variable's."""
        pairs = written if isinstance(written, dict) else {name: f"${{{name}}}" for name in written}
        given = {name: re.sub(r"\$\{(\w+)\}", lambda found: self._variable(found[1], environ), value)
                 for name, value in pairs.items()}  # fmt: skip
        for name, value in given.items():  # what stands in the section itself, such as `Bearer ...`
            if re.search(_SECRET, name):
                self.secrets |= set(value.split())
        return given

    def _variable(self, name: str, environ: Mapping[str, str]) -> str:
        value = environ.get(name)
        if value is None:
            raise ValueError(f"[mcp.{self.name}] needs the variable {name}, which is not set")
        if not os.path.isabs(value):  # a path is no secret, and stands in half of what a server of files says
            self.secrets.add(value)
        return value


def _folder(given: str | None, environ: Mapping[str, str]) -> str:
    """Where a server is started: the home folder, if its section names none; the root for a user without one.

    Not where the user stands: npx, uvx and Python read settings and code in the folder in which they are started, and
    in a folder from elsewhere these are somebody else's.
    """
    if given is not None:
        return folders.expanded(given, environ)
    home = folders.home(environ)
    return home if home is not None and os.path.isdir(home) else os.path.abspath(os.sep)


def server_of(name: str, sections: Mapping[str, Any], environ: Mapping[str, str]) -> Server:
    """The server of a name in the settings. Raises ValueError for one that is not there, or that cannot be used."""
    if name not in sections:
        known = f", which have {', '.join(sorted(sections))}" if sections else ""
        raise ValueError(f"there is no MCP server {name!r} in the settings{known}; a section [mcp.{name}] makes one")
    return Server(name, sections[name], environ)


def _check(name: str, section: Any) -> None:
    """Raise ValueError for a section that is not one of a server."""
    where = f"[mcp.{name}]"
    if not re.fullmatch(_NAME, name):
        raise ValueError(
            f"{where}: a server is named by up to 32 letters, digits, - and single _, which does not end it"
        )
    if not isinstance(section, dict):
        raise ValueError(f"{where} must be a section")
    if unknown := [key for key in section if key not in _KEYS]:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; it may have {', '.join(_KEYS)}")
    if ("command" in section) == ("url" in section):
        raise ValueError(f"{where} needs a command or a url, and not both")
    for key, misfit in (("headers", "command"), ("args", "url"), ("env", "url"), ("cwd", "url")):
        if key in section and misfit in section:
            raise ValueError(f"{where}: {key} is of no use with {misfit}")
    for key, (fits, what) in _FORMS.items():
        if key in section and not fits(section[key]):
            raise ValueError(f"{where}: {key} must be {what}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and "\0" not in one for one in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(one, str) and one.isprintable() and name.isprintable() for name, one in value.items()
    )


_FORMS = {
    "command": (_is_text, "text"),
    "url": (_is_text, "text"),
    "cwd": (_is_text, "text"),
    "args": (_is_texts, "a list of texts"),
    "env": (lambda value: _is_texts(value) or _is_table(value), "a list of names, or a table of names and values"),
    "headers": (_is_table, "a table of names and values"),
    "tools": (_is_texts, "a list of names, in which * stands for anything"),
    "ask": (lambda value: value in _ASKS, " or ".join(_ASKS)),
    "timeout": (lambda value: isinstance(value, int | float) and 0 < value <= 3600, "seconds, up to 3600"),
}
