"""What a file is by how it begins, whatever it is called. Pure."""

from __future__ import annotations

import codecs

PDF = b"%PDF-"
BYTE_ORDER_MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", 0, "png"),
    (b"\xff\xd8\xff", 0, "jpeg"),
    (b"GIF8", 0, "gif"),
    (b"WEBP", 8, "webp"),
    (b"BM", 0, "bmp"),
)
_SOUND = (  # (how it begins, what follows, where, the format's name)
    (b"RIFF", b"WAVE", 8, "wav"),
    (b"FORM", b"AIF", 8, "aiff"),
    (b"ID3", b"", 0, "mp3"),
    (b"fLaC", b"", 0, "flac"),
    (b"OggS", b"", 0, "ogg"),
    (b"", b"ftypM4A", 4, "m4a"),
)
# How files begin that people have, what they are, and what to do.
_OTHERS = (
    (b"PK\x03\x04", "a zip archive or an office document", "save it as PDF or as text first"),
    (b"\xd0\xcf\x11\xe0", "an office document", "save it as PDF or as text first"),
    (b"\x1f\x8b", "compressed by gzip", "unpack it first: zcat FILE | ..."),
    (b"BZh", "compressed by bzip2", "unpack it first: bzcat FILE | ..."),
    (b"\xfd7zXZ", "compressed by xz", "unpack it first: xzcat FILE | ..."),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it first: zstdcat FILE | ..."),
    (b"RIFF", "a film", "only text, images, PDF files and sound can be asked about"),
    (b"\x1aE\xdf\xa3", "a film", "only text, images, PDF files and sound can be asked about"),
    (b"II*\x00", "a TIFF image", "convert it to PNG or JPEG first"),
    (b"MM\x00*", "a TIFF image", "convert it to PNG or JPEG first"),
    (b"\x7fELF", "a program", "only text, images, PDF files and sound can be asked about"),
    (b"SQLite format 3\x00", "a database", "write what you need of it as text"),
)


def image_format(content: bytes) -> str | None:
    """The format of an image ("png") by how it begins; None for what is no image that is supported."""
    return next((name for magic, offset, name in _IMAGES if content.startswith(magic, offset)), None)


def sound_format(content: bytes) -> str | None:
    """The format of sound ("wav"), or None for what is none that is known."""
    for begin, then, at, name in _SOUND:
        if content.startswith(begin) and content.startswith(then, at):
            return name
    if content[:1] != b"\xff" or len(content) < 2:
        return None
    frame = content[1]  # of sound without a head; the bits that differ say the version, and whether there are checks
    return "mp3" if frame & 0xE6 == 0xE2 else "aac" if frame & 0xF6 == 0xF0 else None


def text_of(content: bytes) -> str | None:
    """The text that a file is, in UTF-8 or what its byte order mark says; None for what is no text."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeError:
        return None
    return None if "\0" in text else text


def kind_of(content: bytes) -> str:
    """`image`, `pdf`, `audio` or `text`; empty for what is neither.

    What is text is none of the others, though it begin with "BM" or "ID3", but for PDF, which may be all ASCII.
    """
    if content.startswith(PDF):
        return "pdf"
    if text_of(content) is not None:
        return "text"
    return "image" if image_format(content) is not None else "audio" if sound_format(content) is not None else ""


def described(content: bytes) -> tuple[str, str] | None:
    """What a file is that nobody can be shown, and what to do about it; None where that is not known."""
    found = next(((kind, hint) for begin, kind, hint in _OTHERS if content.startswith(begin)), None)
    if found is None and content[4:8] == b"ftyp":
        return "a HEIC or AVIF image, or a film", "convert an image to PNG or JPEG first"
    return found


def why_no_text(content: bytes) -> str:
    """What is wrong with bytes that are no text, and what to do."""
    if known := described(content):
        return f"is {known[0]}, not text; {known[1]}"
    if b"\0" in content:
        return "is not text: it holds zero bytes."
    try:
        content.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} is 0x{content[error.start]:02x}"
        return f"is not text in UTF-8 ({where}); convert it first: iconv -f latin1 -t utf-8 FILE | ..."
    return "is not text."
