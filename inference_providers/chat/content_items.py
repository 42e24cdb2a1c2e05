"""Items of a message's content: text and pictures, in the form of other tools, and as they are sent."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inference_providers.chat.images import image_urls


class Type(StrEnum):
    """What an item is."""

    TEXT = "text"
    IMAGE_PATH = "image_path"
    IMAGE_URL = "image_url"
    IMAGE_BINARY = "image_binary"


@dataclass(frozen=True)
class ContentItem:
    """A part of a message: a text, or a picture by path, address or bytes.

    Args:
        type: What it is: "text", "image_path", "image_url" or "image_binary".
        content: The text, path or address.
        binary: The bytes of a picture, which may be given as base64.

    Raises:
        ValueError: There is nothing in it, or a text has bytes.
    """

    type: Type | str
    content: str | None = None
    binary: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", Type(self.type))
        if isinstance(self.binary, str):
            object.__setattr__(self, "binary", b64decode(self.binary, validate=True))
        if self.type == Type.TEXT:
            if self.content is None or self.binary:
                raise ValueError("an item of type text has content, and nothing else")
        elif self.type == Type.IMAGE_BINARY:
            if not self.binary:
                raise ValueError("an item of type image_binary needs binary, the bytes of the picture")
        elif not self.content:
            raise ValueError(f"an item of type {self.type} needs content, the path or address of the picture")

    def is_text(self) -> bool:
        """Whether it is a text."""
        return self.type == Type.TEXT

    def is_image(self) -> bool:
        """Whether it is a picture."""
        return not self.is_text()

    def to_dict(self) -> dict[str, Any]:
        """For JSON: bytes as base64."""
        row: dict[str, Any] = {"type": str(self.type)}
        if self.content is not None:
            row["content"] = self.content
        return {**row, "binary": b64encode(self.binary).decode()} if self.binary else row


def items_of(content: Any) -> list[ContentItem]:
    """A message's content as items; parts that are neither text nor picture are none."""
    if isinstance(content, str):
        return [ContentItem(Type.TEXT, content)]
    found = [_item(part) for part in content or ()]
    return [item for item in found if item is not None]


def _item(part: Any) -> ContentItem | None:
    if isinstance(part, str):
        return ContentItem(Type.TEXT, part)
    if _is_item(part):
        return ContentItem(part["type"], part.get("content"), part.get("binary") or None)
    if part.get("type") == "text" and isinstance(part.get("text"), str):
        return ContentItem(Type.TEXT, part["text"])
    picture = part.get("image_url") if part.get("type") == "image_url" else None
    address = picture.get("url") if isinstance(picture, dict) else picture
    return ContentItem(Type.IMAGE_URL, address) if isinstance(address, str) and address else None


def _is_item(part: Any) -> bool:
    """Whether a part is in the form of `ContentItem`, which OpenAI's format has not."""
    return isinstance(part, dict) and part.get("type") in tuple(Type) and ("content" in part or "binary" in part)


def sent(part: Any) -> Any:
    """A part as it is sent: an item in OpenAI's format, anything else as it is.

    Raises ValueError for an item that is none, and a picture that cannot be read.
    """
    if not _is_item(part):
        return part
    item = ContentItem(part["type"], part.get("content"), part.get("binary") or None)
    if item.is_text():
        return {"type": "text", "text": item.content}
    picture: Any = item.binary or item.content
    (url,) = image_urls([picture], os.environ)
    return {"type": "image_url", "image_url": {"url": url}}
