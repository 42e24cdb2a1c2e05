"""The administrator's token: by a variable, else a random one that is kept for this user."""

from __future__ import annotations

import os
import secrets

from inference_providers.credentials import Environment
from inference_providers.files import folders, kept_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "INFERENCE_PROVIDERS_TOKEN"
FILE = "gateway-token"
LEAST = 16  # characters
_MOST = 4096
_ANOTHER = "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes a good one"


def token_path(environ: Mapping[str, str]) -> str | None:
    """Where the random one is kept; None for a user without a home folder."""
    folder = folders.own("state", environ)
    return None if folder is None else os.path.join(folder, FILE)


def token_place(environ: Mapping[str, str]) -> str:
    """Where the token is, in words."""
    return f"in {VARIABLE if environ.get(VARIABLE) else token_path(environ) or ''}"


def admin_token(environ: Mapping[str, str]) -> str:
    """The token, which is made at the first start where the variable gives none.

    Raises ValueError for one that is too short or could not be sent, OSError where none can be kept.
    """
    environ = Environment.of(environ)
    if problem := environ.problem(VARIABLE):
        raise ValueError(problem)
    if given := environ.get(VARIABLE, ""):
        return _checked(given, VARIABLE, f"{_ANOTHER}, and without the variable one is made and kept")
    path = token_path(environ)
    if path is None:
        raise OSError(0, f"{folders.NO_HOME} to keep a token in; set {VARIABLE}", FILE)
    try:
        kept = kept_secret(path, _new, _MOST)
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno, f"no token can be kept there: {why}; or set {VARIABLE}", path) from None
    return _checked(kept.decode("utf-8", "replace").strip(), path, "remove the file, and another one is made")


def _new() -> bytes:
    return f"{secrets.token_urlsafe(32)}\n".encode()


def _checked(token: str, where: str, instead: str) -> str:
    """The token itself is in no message. Raises ValueError."""
    if len(token) < LEAST:
        raise ValueError(f"the token in {where} has {len(token)} characters, and {LEAST} are the least; {instead}")
    if any(not "!" <= character <= "~" for character in token):
        raise ValueError(
            f"the token in {where} holds blanks or characters that no header can have: it takes letters, digits and "
            f"signs of ASCII alone; {instead}"
        )
    return token
