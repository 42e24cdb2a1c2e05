"""What the user's files say: `config.toml` with settings, and `keys.toml` with keys."""

from __future__ import annotations

import errno
import os
import re

from inference_providers.credentials import Secret
from inference_providers.errors import SettingsError
from inference_providers.files import Private, folders, read_private
from inference_providers.settings.known import SECTIONS, SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.credentials import LateKey

CONFIG, KEYS = "config.toml", "keys.toml"
KEYRING, KEYS_FILE, SETTINGS_FILE = "keyring", "keys file", "settings"  # where something is from
_CAP = 1024 * 1024  # bytes of one of these files
# How messages about TOML begin that quote a name, which may be a key in the wrong place.
_QUOTING = ("Cannot declare", "Duplicate inline table key", "Cannot mutate immutable namespace")


class Stored:
    """What the two files have, as it was when they were read.

    values: by variable. late: keys in the keyring, by variable. sources: where each is from. settings: as they stand
    in `config.toml`; sections: its tables. keys: variables that
    the keys file has.
    problems: what is wrong with the files, in sentences; strict: raise the first that is not about permissions.
    """

    def __init__(self, environ: Mapping[str, str], *, strict: bool = True) -> None:
        self.folder = folders.own("config", environ)
        self.values: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.late: dict[str, LateKey] = {}
        self.settings: dict[str, Any] = {}
        self.keys: list[str] = []
        self.sections: dict[str, dict[str, Any]] = {}
        self.problems: list[str] = []
        self._strict = strict
        self.seen = self.look()
        if not any(self.seen):
            return
        if why := folders.distrust(self.folder or ""):
            self._untrusted(why)
            return
        self._read(KEYS, read_private, self._keep_keys)
        self._read(CONFIG, read_config, self._keep_settings)

    def __repr__(self) -> str:
        return f"<Stored in {self.folder}>"

    def path(self, name: str) -> str:
        """Where a file is, or would be; empty for a user without a home."""
        return "" if self.folder is None else os.path.join(self.folder, name)

    def look(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes whenever one of the files does; each None for a file that is not there."""
        found: list[tuple[int, int, int] | None] = []
        for name in (CONFIG, KEYS):
            try:
                status = os.stat(self.path(name))
                found.append((status.st_mtime_ns, status.st_ino, status.st_size))
            except (OSError, ValueError):
                found.append(None)
        return tuple(found)

    def _read(self, name: str, read: Callable[[str, int], bytes], keep: Callable[[str, dict[str, Any]], None]) -> None:
        path = self.path(name)
        try:
            content = read(path, _CAP)
        except FileNotFoundError:
            return
        except OSError as error:
            self._untrusted(f"{path} is not used: {error.strerror}{_remedy(path, error.strerror)}")
            return
        try:
            keep(path, parsed(path, content))
        except SettingsError as error:
            if self._strict:
                raise
            self.problems.append(str(error))
            folders.warn_once(self.problems[-1])

    @staticmethod
    def check(path: str, data: dict[str, Any]) -> None:
        """Raise SettingsError for settings that cannot be understood, or that there are not."""
        made = Stored.__new__(Stored)
        made.values, made.sources, made.settings, made.sections, made.problems = {}, {}, {}, {}, []
        made._keep_settings(path, data)

    def _untrusted(self, why: str) -> None:
        self.problems.append(why)
        folders.warn_once(f"Settings and keys: {why}")

    def _keep_settings(self, path: str, data: dict[str, Any]) -> None:
        for name, value in data.items():
            if name in SECTIONS:
                if not isinstance(value, dict):
                    raise SettingsError(f"{path}: [{name}] must be a table.{fix(path)}")
                self.sections[name] = value
                continue
            if name not in SETTINGS:
                self.problems.append(f"{path}: {unknown(name)}")
                folders.warn_once(self.problems[-1])
                continue
            setting = SETTINGS[name]
            try:
                text = setting.text(value)
            except ValueError as error:
                raise SettingsError(f"{path}: {error}.{fix(path)}") from None
            self.settings[name] = value
            self.values[setting.variable] = text
            self.sources[setting.variable] = SETTINGS_FILE

    def _keep_keys(self, path: str, data: dict[str, Any]) -> None:
        kept = data.get("keyring")
        for variable, mark in kept.items() if isinstance(kept, dict) else ():
            if may_be_stored(variable):
                from inference_providers.settings.system_keyring import KeyringKey

                self.late[variable] = KeyringKey(variable, str(mark))
                self.sources[variable] = KEYRING
        said = [table for name in ("variables", "keys") if isinstance(table := data.get(name), dict)]
        for variable, key in [row for table in said for row in table.items()]:
            if variable in self.late:
                continue
            if isinstance(key, str) and may_be_stored(variable):
                self.values[variable] = Secret(key)
                self.keys.append(variable)
                self.sources[variable] = KEYS_FILE
            else:
                name = variable if re.fullmatch(r"[A-Z][A-Z0-9_]{0,79}", variable) else "one name"  # or it is the key
                self.problems.append(
                    f"{path}: {name} is not a key of a provider, nor a part of its address; it is not used"
                )
                folders.warn_once(self.problems[-1])


def read_config(path: str, cap: int) -> Private:
    """The whole of a file of settings. Raises OSError where others can write it, or if it is larger than *cap*."""
    content = Private(folders.read(path, cap + 1))  # the table of an MCP server may say a key
    if len(content) > cap:
        raise OSError(errno.EFBIG, f"it is larger than {cap // 1024} KiB", path)
    return content


def fix(path: str) -> str:
    """What to do about a file that cannot be understood, as the end of a message."""
    name = os.path.basename(path)
    return "\n`inference-providers config edit` opens it." if name == CONFIG else f"\nMend or remove {path}."


def parsed(path: str, content: bytes) -> dict[str, Any]:
    """The content of a TOML file. Raises SettingsError with the line, and no word of what stands there."""
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
    except (ValueError, RecursionError) as error:
        problem = _told(error)
    raise SettingsError(f"{path} cannot be read: {problem}.{fix(path)}")


def _told(error: Exception) -> str:
    what, at, place = str(error).rpartition(" (at ")
    return f"{'a name is there twice' if what.startswith(_QUOTING) else what}{at}{place}"


def unknown(name: str) -> str:
    """What to say of a setting that there is not."""
    from difflib import get_close_matches

    if re.fullmatch(r"[A-Z][A-Z0-9_]*(?:KEY|TOKEN)", name):
        return f"a key is not a setting: `inference-providers keys set {name}` keeps one"
    near = get_close_matches(name.lower(), [*SETTINGS, *SECTIONS], n=1)
    return f"there is no setting {name!r}" + (f" (did you mean {near[0]!r}?)" if near else "")


def may_be_stored(variable: str) -> bool:
    """Whether the keys file may say what a variable is: a key, an account, or a part of an address with a known form.

    So no file moves a key to another host: addresses (`OPENAI_BASE_URL`), proxies and `PATH` are the environment's.
    """
    from inference_providers.credentials import is_foreign, sources_of
    from inference_providers.registry import bundled

    if re.fullmatch(r"[A-Z][A-Z0-9_]*_(API_KEY|KEY|TOKEN)", variable) and not is_foreign(variable):
        return True
    return any(
        variable in (*row.key_variables, *sources_of(row), *(row.connection.get("headers") or {}).values())
        for row in bundled().providers.values()
    )


def _remedy(path: str, why: str | None) -> str:
    import shlex

    return f"; `chmod 600 {shlex.quote(path)}` changes that" if why and why.startswith("it can be") else ""
