"""Where the registry comes from: bundled, overridden by the program, or updated from the network.

Updates are opt-in and never happen at import. A downloaded registry may change models,
prices, order and retirements; it cannot send a key to another host: see `trust`.
"""

from __future__ import annotations

import os
from contextlib import suppress

from inference_providers import files
from inference_providers.credentials import Environment, Pins, restrained, stray_keys
from inference_providers.errors import RegistryError
from inference_providers.files import folders
from inference_providers.offers import is_offline
from inference_providers.registry import Registry, bundled, is_first_format, merge, parse
from inference_providers.text import jsontext, printable
from inference_providers.upkeep import old_files
from inference_providers.upkeep.download import download, redacted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

# Where the registry is published as the project builds it: an address that does not redirect. Empty until the project
# has one (see CONTRIBUTING, "Release"); until then, models.dev's catalogue is converted.
BUILT_URL = ""
UPDATE_URL = BUILT_URL or "https://models.dev/api.json"
URL_VARIABLE = "INFERENCE_PROVIDERS_URL"
REGISTRY_CAP = 2 * 1024 * 1024  # bytes, decompressed
CATALOGUE_CAP = 16 * 1024 * 1024  # bytes; a catalogue (models.dev's) is larger than the registry it is converted to
MAX_AGE = 24 * 3600.0  # seconds between checks
_FAR = 1e11  # seconds since 1970, in the year 5138: too late for the date of a check


def load(
    json_override: Any = None,
    json_merge: Any = None,
    *,
    auto_update: bool = False,
    trust: Mapping[str, Sequence[str]] | None = None,
    environ: Mapping[str, str] | None = None,
    url: str | None = None,
    warn: Callable[[str], None] = lambda message: None,
) -> Registry:
    """The registry to use. Raises RegistryError, with every problem, for an invalid override or merge.

    An override that is a `Registry` consists of parts that were checked already; only a merge into it is checked.
    """
    if json_override is not None and not isinstance(json_override, Registry):
        data = read(json_override, "json_override")
        if is_first_format(data):
            data = old_files.modern(data, None, trust, "json_override", warn)
        check(data, trust, "json_override")
        base = Registry(data)
    else:
        base = json_override or bundled()
        if auto_update and json_override is None:
            base = Updater(environ, url=url, trust=trust, warn=warn).current()
    if json_merge is None:
        return base
    patch = read(json_merge, "json_merge")
    base = base.opened(patch)
    if is_first_format(patch):
        merged = old_files.modern(patch, base, trust, "json_merge", warn)
    else:
        merged = merge(base.rows, patch)
    check(merged, trust, "json_merge", known=base.rows)
    return base.variant(merged)


def read(source: Any, name: str) -> dict[str, Any]:
    """A registry's data from a dict, JSON text or a path; *name* is for messages. Raises RegistryError."""
    if isinstance(source, dict):
        try:
            jsontext.check(source)
        except ValueError as error:
            raise RegistryError([f"$: {error}"], f"{name} cannot be used") from None
        return source
    if isinstance(source, bytes) or (isinstance(source, str) and source.lstrip()[:1] in ("{", "[")):
        return parse(source, name)
    if not isinstance(source, str | os.PathLike):
        raise RegistryError([f"{name}: give a path, JSON text or a dict, not {type(source).__name__}"])
    try:
        return parse(files.read(source, CATALOGUE_CAP), f"{name} ({os.fspath(source)})")
    except OSError as error:
        raise RegistryError(
            [f"{name}: {os.fspath(source)[:200]!r} cannot be read: {error.strerror}"], "There is no registry"
        ) from None


def fetch_catalogue(origin: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The data of a catalogue, from a file or a URL. Raises RegistryError."""
    if origin.startswith(("http://", "https://")):
        text, _ = download(origin, CATALOGUE_CAP, None, environ)
        return parse(text or b"", origin)
    return read(folders.expanded(origin, environ), "source")


def newest() -> dict[str, Any]:
    """The newest registry as a dict of the caller's own.

    Downloaded now and kept, else the last good one, else the bundled one.
    """
    import json

    from inference_providers.log import warn

    updater = Updater(warn=warn)
    with suppress(RegistryError):  # told as a warning
        updater.fetch()
    copy: dict[str, Any] = json.loads(registry_text((updater.cached() or bundled()).data))
    return copy  # whoever changes it must not change what is installed


def check(
    data: Mapping[str, Any],
    trust: Mapping[str, Sequence[str]] | None,
    name: str,
    *,
    known: Mapping[str, Any] | None = None,
) -> None:
    """Raise RegistryError with every problem: by the schema, and each pinned key that *data* would send elsewhere.

    known: a registry that was checked before; what *data* shares with it is not checked again.
    """
    from inference_providers.registry import problems

    faults = problems(data, known=known)
    if not faults:
        faults = stray_keys(Registry(data), bundled(), Pins(bundled(), trust))
    if faults:
        raise RegistryError(faults, f"{name} is refused ({len(faults)} problem{'s' * (len(faults) != 1)})")


class Updater:
    """Downloads, checks and caches updates: at most once a day on each machine; the last good one is kept."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        url: str | None = None,
        trust: Mapping[str, Sequence[str]] | None = None,
        warn: Callable[[str], None] = lambda message: None,
        clock: Callable[[], float] | None = None,
        folder: str | None = None,
    ) -> None:
        import time

        self._environ = Environment.of(os.environ if environ is None else environ)
        self.url = url or self._environ.get(URL_VARIABLE, "").strip() or UPDATE_URL
        self._shown = redacted(self.url)
        self._pins = Pins(bundled(), trust)
        self._warn, self._clock = warn, clock or time.time
        self._folder = folder or folders.cache(self._environ)
        self.not_kept = ""  # why updates are not kept; empty if they are
        self._fresh: Registry | None = None  # an update that could not be kept

    @property
    def path(self) -> str:
        """The file with the last good update; empty if there is no folder for it."""
        return os.path.join(self._folder, "registry.json") if self._folder else ""

    @property
    def _state_path(self) -> str:
        return os.path.join(self._folder, "registry-state.json") if self._folder else ""

    def current(self) -> Registry:
        """The newest good registry.

        Checks for an update if the last check is more than a day old, or if the update that it brought is damaged.
        """
        state = self._state()
        age = self._clock() - state.get("checked", 0.0)
        registry, damaged = self._cached(state)
        stale = damaged or state.get("url") != self.url or not 0 <= age < MAX_AGE
        if stale and not is_offline(self._environ):
            with suppress(RegistryError):
                self.fetch()
            registry = self.cached()
        return registry or bundled()

    def cached(self) -> Registry | None:
        """The last good update.

        None if there is none, it is damaged, others can write it, or the installed package is newer.
        """
        return self._cached(self._state())[0] or self._fresh

    def _cached(self, state: Mapping[str, Any]) -> tuple[Registry | None, bool]:
        """The update in the cache, and whether the cache is damaged."""
        if state.get("url") != self.url or "sha256" not in state:
            return None, False
        try:
            text = folders.read(self.path, CATALOGUE_CAP)
            data = parse(text, self.path)
        except (OSError, RegistryError):
            return None, True
        if _digest(text) != state["sha256"]:
            return None, True
        if state.get("accepted") != _accepted(text):  # written by a version with another schema, or by hand
            if _problems(data):
                return None, True
            self._write(self._state_path, _json({**state, "accepted": _accepted(text)}))
        if int(data.get("version") or 0) < bundled().version:
            return None, False
        return Registry(restrained(data, bundled(), self._pins)), False

    def fetch(self) -> dict[str, Any] | None:
        """Download and cache an update; None if there is nothing newer.

        Raises RegistryError; the last good one stays.
        """
        old = self._state()
        _, damaged = self._cached(old)
        state: dict[str, Any] = {
            **(old if old.get("url") == self.url and not damaged else {}),
            "url": self.url,
            "checked": self._clock(),
        }
        try:
            cap = CATALOGUE_CAP if self.url.endswith("/api.json") else REGISTRY_CAP
            text, etag = download(self.url, cap, state.get("etag") if "sha256" in state else None, self._environ)
            if text is None:
                return None
            data = self._accept(text)
            content = registry_text(data)
            if self._write(self.path, content):
                state.update(etag=etag, sha256=_digest(content), accepted=_accepted(content))
            else:
                self._fresh = Registry(restrained(data, bundled(), self._pins))
            return data
        except RegistryError as error:
            self._warn(
                f"No registry update from {self._shown}: {error.problems[0] if error.problems else error}. "
                "The last good registry is used."
            )
            self._warn = _silent
            raise
        finally:
            self._write(self._state_path, _json(state))

    def _accept(self, text: bytes) -> dict[str, Any]:
        """The data of a good update. Raises RegistryError with every reason against it."""
        import time

        data = parse(text, self._shown)
        if self.url.endswith("/api.json"):
            data = self._convert(data)
        elif len(text) > REGISTRY_CAP:
            raise RegistryError([f"$: larger than {REGISTRY_CAP} bytes"])
        faults = _problems(data)
        in_use = self.cached() or bundled()
        tomorrow = int(time.strftime("%Y%m%d99", time.gmtime(self._clock() + 2 * MAX_AGE)))
        if not faults and int(data.get("version") or 0) > tomorrow:
            faults.append(f"$.version: {data['version']} is in the future; nothing newer could replace it")
        if not faults and int(data.get("version") or 0) < in_use.version:
            faults.append(f"$.version: {data.get('version')} is older than {in_use.version}, which is in use")
        ours = bundled().providers.keys()
        if not faults and len(ours & data["providers"].keys()) * 2 < len(ours):
            faults.append(
                f"$.providers: holds {len(ours & data['providers'].keys())} of the {len(ours)} known providers; "
                "at least half are needed"
            )
        if faults:
            raise RegistryError(faults, f"The update from {self._shown} is refused")
        return data if self.url.endswith("/api.json") else self._complete(data)

    def _complete(self, data: dict[str, Any]) -> dict[str, Any]:
        """A built registry, with what it lacks of the installed one; a warning names rows that have lost too much."""
        from inference_providers.upkeep.laid_over import completed

        made, tripped = completed(bundled().data, data)
        if tripped:
            rows = "; ".join(map(str, tripped[:3])) + f" and {len(tripped) - 3} more" * (len(tripped) > 3)
            self._warn(f"The registry update from {self._shown} has lost something: {printable(rows)}.")
        return made

    def _convert(self, catalogue: dict[str, Any]) -> dict[str, Any]:
        """models.dev's live catalogue on top of the bundled registry: see `laid_over`."""
        import time

        from inference_providers.upkeep.importers.build import build, load_overlay, read_source
        from inference_providers.upkeep.laid_over import day_of, laid_over

        overlay = load_overlay()
        fresh = build([read_source(catalogue, overlay, self._shown)], overlay)
        today = time.strftime("%Y-%m-%d", time.gmtime(self._clock()))
        merged = laid_over(bundled().data, fresh, day_of(catalogue, today))
        merged["version"] = max(int(today.replace("-", "") + "00"), bundled().version)
        return merged

    def _state(self) -> dict[str, Any]:
        if not self._usable():
            return {}
        try:
            state = parse(folders.read(self._state_path, 65536), self._state_path)
        except (OSError, RegistryError):
            return {}
        checked = state.get("checked")
        dated = isinstance(checked, int | float) and 0 <= checked < _FAR
        texts = all(isinstance(state.get(name, ""), str) for name in ("url", "sha256", "accepted"))
        etag = state.get("etag")
        if not dated or not texts or not (etag is None or (isinstance(etag, str) and etag.isprintable())):
            return {}
        return state

    def _usable(self) -> bool:
        """Whether the user has a trusted cache folder; if not, warns once."""
        why = folders.distrust(self._folder) if self._folder else folders.NO_HOME
        if why:
            remedy = "" if self._folder else "; set HOME, XDG_CACHE_HOME or INFERENCE_PROVIDERS_CACHE_DIR"
            self._give_up_cache(
                f"The registry cache{f' {self._folder}' if self._folder else ''} is not used: {why}{remedy}."
            )
        return not why

    def _give_up_cache(self, why: str) -> None:
        if not self.not_kept:
            self.not_kept = f"{why} Updates are not kept: each program downloads its own."
            self._warn(self.not_kept)
            self._warn = _silent

    def _write(self, path: str, content: bytes) -> bool:
        """Replace a file as a whole: readers see the old or the new one. False, after one warning, if that fails."""
        import tempfile

        if not self._usable() or not self._folder:
            return False
        try:
            folders.make(self._folder)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".registry-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            self._give_up_cache(f"The registry cache {self._folder} cannot be written ({error.strerror}).")
            return False
        return True


def _problems(data: dict[str, Any]) -> list[str]:
    """What is wrong with a registry from elsewhere."""
    from inference_providers.registry import problems

    try:
        return problems(data)
    except RecursionError:
        return ["$: nested too deeply"]


def _accepted(text: bytes) -> str:
    """The mark of a registry that passed this version's checks, so that it need not pass them at every start."""
    from inference_providers import __version__

    return _digest(f"accepted by {__version__}: ".encode() + text)


def _silent(message: str) -> None:
    """The `warn` after the first warning."""


def registry_text(data: Mapping[str, Any]) -> bytes:
    """A registry as compact JSON."""
    return _json(data)


def _json(data: Mapping[str, Any]) -> bytes:
    import json

    # A lone surrogate in a name must not end a program.
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _digest(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()
