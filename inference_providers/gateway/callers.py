"""Who asks a gateway."""

from __future__ import annotations

import os
import secrets

from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Caller:
    """One caller."""

    __slots__ = ("id", "is_admin", "models", "name")

    def __init__(self, id: str, name: str, *, is_admin: bool = False) -> None:
        self.id, self.name, self.is_admin = id, name, is_admin
        self.models: tuple[str, ...] | None = None


ADMIN = Caller("admin", "administrator", is_admin=True)
ANYBODY = Caller("anybody", "anybody")


class Callers:
    """None but the administrator."""

    def of(self, token: str) -> Caller | None:
        """Whose key it is."""
        return None


def admin_token(environ: Mapping[str, str]) -> str:
    """The administrator's token."""
    if said := environ.get("INFERENCE_PROVIDERS_TOKEN", "").strip():
        return said
    path = token_place(environ)
    try:
        return folders.read(path, 4096).decode().strip()
    except FileNotFoundError:
        folders.make(os.path.dirname(path))
        token = secrets.token_urlsafe(32)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")
        return token


def token_place(environ: Mapping[str, str]) -> str:
    """Where it is."""
    if environ.get("INFERENCE_PROVIDERS_TOKEN", "").strip():
        return "in INFERENCE_PROVIDERS_TOKEN"
    folder = folders.own("state", environ) or "."
    return os.path.join(folder, "gateway-token")
