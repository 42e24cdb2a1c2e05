"""Pictures for a question: a path, a URL, or bytes, as the URL that goes into the message."""

from __future__ import annotations

import os

from inference_providers import files
from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CAP = 20 * 1024 * 1024  # bytes of one picture
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", 0, "png"),
    (b"\xff\xd8\xff", 0, "jpeg"),
    (b"GIF8", 0, "gif"),
    (b"WEBP", 8, "webp"),
    (b"BM", 0, "bmp"),
)


def urls(
    pictures: Iterable[str | bytes | os.PathLike[str]] | str | bytes | os.PathLike[str] | None,
    environ: Mapping[str, str],
) -> list[str]:
    """Each picture as a URL: web and `data:` addresses as they are, files (`~` by *environ*) and bytes as `data:`.

    Raises ValueError for what is no picture, is larger than 20 MiB or cannot be read.
    """
    if pictures is None:
        return []
    if isinstance(pictures, str | bytes | bytearray | os.PathLike):
        pictures = [pictures]
    return [_url(picture, environ) for picture in pictures]


def _url(picture: str | bytes | os.PathLike[str], environ: Mapping[str, str]) -> str:
    if isinstance(picture, bytes | bytearray):
        return _data(bytes(picture), "the bytes given")
    if isinstance(picture, str) and picture.partition(":")[0].lower() in ("http", "https", "data"):
        return picture
    path = folders.expanded(os.fspath(picture), environ)
    try:
        with open(path, "rb", opener=files.regular) as file:
            return _data(file.read(CAP + 1), path)
    except OSError as error:
        raise ValueError(f"the picture {path!r} cannot be read: {error.strerror}") from None


def _data(content: bytes, what: str) -> str:
    from base64 import b64encode

    if len(content) > CAP:
        raise ValueError(f"{what}: a picture may have {CAP // 1024 // 1024} MiB")
    kind = next((name for magic, place, name in _KINDS if content.startswith(magic, place)), None)
    if kind is None:
        raise ValueError(f"{what}: no picture (PNG, JPEG, GIF, WebP and BMP are known)")
    return f"data:image/{kind};base64,{b64encode(content).decode()}"
