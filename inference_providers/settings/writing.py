"""Changes to the user's files, each written as a whole, with the comments that are in it."""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager

from inference_providers.credentials import Secret
from inference_providers.errors import SettingsError
from inference_providers.files import Private, folders, locks, read_private, replacing
from inference_providers.settings.stored import CONFIG, KEYS, Stored, fix, parsed, read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

CAP = 1024 * 1024  # bytes of one of these files
_LOCK = ".settings.lock"
_PATIENCE = 10.0  # seconds for another process that writes
_HEADS = {
    CONFIG: "# Settings of inference_providers: `inference-providers config` shows what there is.\n",
    KEYS: "# Keys of inference_providers: `inference-providers keys` looks after them.\n",
}


class _Content:
    """What a file has while it is changed. Its repr, and so every traceback with local variables, shows no key."""

    __slots__ = ("document",)

    def __init__(self, document: Any) -> None:
        self.document = document

    def has(self, section: str, name: str) -> bool:
        """Whether a name is in a section."""
        return name in self.document.get(section, {})

    def put(self, section: str, name: str, value: str) -> None:
        """Give a name in a section a value."""
        import tomlkit

        if not hasattr(self.document.get(section), "items"):
            self.document[section] = tomlkit.table()
        self.document[section][name] = value

    def drop(self, section: str, name: str) -> None:
        """Take a name out of a section, and the section out of the file with its last."""
        if self.has(section, name):
            del self.document[section][name]
            if not self.document[section]:
                del self.document[section]


def set_value(environ: Mapping[str, str], path: list[str], value: Any) -> None:
    """Put a value into `config.toml`, at a path like `["aliases", "fast"]`. Raises SettingsError and OSError."""
    import tomlkit

    with _changing(environ, CONFIG) as content:
        table: Any = content.document
        for name in path[:-1]:
            if not hasattr(table.get(name), "items"):
                table[name] = tomlkit.table()
            table = table[name]
        table[path[-1]] = value


def unset_value(environ: Mapping[str, str], path: list[str]) -> bool:
    """Take a value out of `config.toml`; whether it was there. Raises SettingsError and OSError."""
    with _changing(environ, CONFIG) as content:
        tables: list[Any] = [content.document]
        for name in path[:-1]:
            found = tables[-1].get(name)
            if not hasattr(found, "items"):
                return False
            tables.append(found)
        if path[-1] not in tables[-1]:
            return False
        del tables[-1][path[-1]]
        for table, name in zip(reversed(tables[:-1]), reversed(path[:-1]), strict=True):
            if not table[name]:
                del table[name]
    return True


def store_key(environ: Mapping[str, str], variable: str, key: str, *, in_keyring: bool) -> None:
    """Keep a key: in the keyring, or in `keys.toml`. Raises KeyringError, SettingsError and OSError."""
    from inference_providers.settings import system_keyring

    with _changing(environ, KEYS) as content:  # what is wrong with the file is said before anything is changed
        was_there = content.has("keyring", variable)
        if in_keyring:
            system_keyring.put(variable, key)
            content.put("keyring", variable, f"stored {time.time():.6f}")
            content.drop("keys", variable)
        else:
            content.put("keys", variable, key)
            content.drop("keyring", variable)
    if was_there and not in_keyring:
        _forget(variable)


def store_variable(environ: Mapping[str, str], variable: str, value: str) -> None:
    """Keep another variable of a provider's, which is not a secret. Raises SettingsError and OSError."""
    with _changing(environ, KEYS) as content:
        content.put("variables", variable, value)


def remove_key(environ: Mapping[str, str], variable: str) -> bool:
    """Remove what is stored for a variable; whether anything was. Raises KeyringError, SettingsError and OSError."""
    with _changing(environ, KEYS) as content:
        found = [section for section in ("keyring", "keys", "variables") if content.has(section, variable)]
        if "keyring" in found:
            from inference_providers.settings import system_keyring

            system_keyring.remove(variable)
        for section in found:
            content.drop(section, variable)
    return bool(found)


def make_config(environ: Mapping[str, str]) -> str:
    """The path of `config.toml`, which is made where there is none. Raises SettingsError and OSError."""
    stored = Stored(environ, strict=False)
    path = _path(stored, CONFIG)
    if not os.path.lexists(path):
        folders.make(os.path.dirname(path))
        with replacing(path, text=True, mode=0o600) as file:
            file.write(_HEADS[CONFIG])
    return path


def _forget(variable: str) -> None:
    from inference_providers.settings import system_keyring

    try:
        system_keyring.remove(variable)
    except system_keyring.KeyringError as error:
        folders.warn_once(f"The key that was in the keyring is still there: {error}")


def _path(stored: Stored, name: str) -> str:
    if stored.folder is None:
        raise SettingsError(f"There is no place for {name}: {folders.NO_HOME}.")
    if why := folders.distrust(stored.folder):
        raise SettingsError(f"{name} is not written: {why}.")
    return stored.path(name)


@contextmanager
def _changing(environ: Mapping[str, str], name: str) -> Iterator[_Content]:
    """A file as tomlkit has it, which is written, if it has changed and can be understood, when all is done.

    Others that write at the same time wait. Nobody but the user can read what is written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = _path(Stored(environ, strict=False), name)
    folders.make(os.path.dirname(path))
    with _alone(os.path.join(os.path.dirname(path), _LOCK)):
        before = _read(path, name)
        parsed(path, Private(before.encode()))
        try:
            content = _Content(tomlkit.parse(before or _HEADS[name]))
            yield content
            after = Secret(tomlkit.dumps(content.document).rstrip("\n") + "\n")
        except TOMLKitError as error:  # in forms that it cannot change, though they can be read
            raise SettingsError(f"{path} cannot be changed ({type(error).__name__}).{fix(path)}") from None
        if str(after) == before:
            return
        _check(path, name, after)
        with replacing(path, text=True, mode=0o600) as file:
            file.write(str(after))


def _read(path: str, name: str) -> str:
    """What a file has; empty where there is none. Raises SettingsError for one that is not the user's alone."""
    try:
        content = (read_private if name == KEYS else read_config)(path, CAP)
    except FileNotFoundError:
        return ""
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EFBIG):
            raise
        remedy = "; `chmod 600` changes that" if error.errno == errno.EPERM else ""
        raise SettingsError(f"{path} is not changed: {error.strerror}{remedy}.") from None
    try:
        return Secret(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError(f"{path} cannot be read: it is not UTF-8 text.{fix(path)}") from None


def _check(path: str, name: str, text: str) -> None:
    """Raise SettingsError for what could not be read again."""
    data = parsed(path, Private(text.encode()))
    if name == CONFIG:
        Stored.check(path, data)


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """While nobody else does. Raises SettingsError after some seconds in which somebody does."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        until = time.monotonic() + _PATIENCE
        while not locks.take(file):
            if time.monotonic() > until:
                raise SettingsError(f"{os.path.dirname(path)} is being changed by another process; try again.")
            time.sleep(0.02)
        yield
    finally:
        os.close(file)
