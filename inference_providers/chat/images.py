"""Images for a question: paths, URLs or bytes, turned into the URLs that go into a message."""

from __future__ import annotations

import os

from inference_providers import files
from inference_providers.chat import file_kinds
from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CAP = 20 * 1024 * 1024  # bytes of one image


def image_urls(
    images: Iterable[str | bytes | os.PathLike[str]] | str | bytes | os.PathLike[str] | None,
    environ: Mapping[str, str],
) -> list[str]:
    """Each image as a URL: web and `data:` URLs unchanged, files (`~` by *environ*) and bytes as `data:` URLs.

    Raises ValueError for a file or bytes that are not an image, are larger than 20 MiB or cannot be read.
    """
    if images is None:
        return []
    if isinstance(images, str | bytes | bytearray | os.PathLike):
        images = [images]
    return [_url(image, environ) for image in images]


def _url(image: str | bytes | os.PathLike[str], environ: Mapping[str, str]) -> str:
    if isinstance(image, bytes | bytearray):
        return _data(bytes(image), "the bytes")
    if isinstance(image, str) and image.partition(":")[0].lower() in ("http", "https", "data"):
        return image
    path = folders.expanded(os.fspath(image), environ)
    try:
        with open(path, "rb", opener=files.regular) as file:
            return _data(file.read(CAP + 1), path)
    except OSError as error:
        raise ValueError(f"the image {path!r} cannot be read: {error.strerror}") from None


def _data(content: bytes, origin: str) -> str:
    from base64 import b64encode

    if len(content) > CAP:
        raise ValueError(f"{origin}: an image may have at most {CAP // 1024 // 1024} MiB")
    name = file_kinds.image_format(content)
    if name is None:
        hint = "; files= takes it" if content and file_kinds.kind_of(content) else ""
        raise ValueError(f"{origin}: not an image that is supported; use PNG, JPEG, GIF, WebP or BMP{hint}")
    return f"data:image/{name};base64,{b64encode(content).decode()}"
