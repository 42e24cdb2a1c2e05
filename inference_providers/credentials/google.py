"""Where Google's application-default credentials are: a file that a variable names, or the one that gcloud keeps.

Whether there is one is all that is looked at here.
"""

from __future__ import annotations

import os

from inference_providers.files import folders
from inference_providers.installing import VERTEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "application_default_credentials.json"
OWN_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
GCLOUD = "gcloud's application-default credentials"
_HOW = "set it to a file of credentials, or log in with `gcloud auth application-default login`"


def find_file(variable: str, environ: Mapping[str, str]) -> tuple[str, str, str]:
    """(the path of the credentials' file, where that is said, "") or ("", "", the reason why there is none)."""
    named = environ.get(variable, "").strip()
    path = named or _of_gcloud(environ)
    if not path or not os.path.isfile(path):
        return "", "", f"{variable} {'names no file' if named else 'is not set'}; {_HOW}"
    if not _is_installed():
        return "", "", f"needs the extra inference_providers[vertex], which is not installed: {VERTEX}"
    return path, f"in {variable}" if named else GCLOUD, ""


def _is_installed() -> bool:
    """Whether google-auth is, which is not imported for it."""
    from importlib.util import find_spec

    try:
        return find_spec("google.auth") is not None
    except ModuleNotFoundError:  # nothing of Google's is
        return False


def _of_gcloud(environ: Mapping[str, str]) -> str:
    """Where gcloud would keep them; empty where there is no home."""
    if folder := environ.get("CLOUDSDK_CONFIG", "").strip():
        return os.path.join(folder, FILE)
    if os.name == "nt" and (data := environ.get("APPDATA", "").strip()):
        return os.path.join(data, "gcloud", FILE)
    home = folders.home(environ)
    return os.path.join(home, ".config", "gcloud", FILE) if home else ""
