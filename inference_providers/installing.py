"""The command that installs this package and its extras: one place for messages, docs and the release.

`python -m inference_providers.installing TAG` says whether a release may be published: it exits with 1, and the
reason, while the name on PyPI belongs to another project, or if the tag is not this version's.
"""

from __future__ import annotations

import os
import sys

from inference_providers import __version__

# The name `inference_providers` on PyPI belongs to an older, unrelated package, which `pip install` with the name
# alone would bring. False once this project owns that name, or another one.
UNPUBLISHED = True
LOCAL = "pip install xllamacpp gguf numpy"  # what the extra `local` installs, for those who have the package already
SOCKS = "pip install socksio"  # the extra `socks`, likewise
KEYRING = "pip install keyring"  # the extra `keyring`
REDIS = "pip install redis"  # the extra `redis`, likewise
RAY = "pip install 'ray[data]'"  # the extra `ray`, likewise
VERTEX = "pip install google-auth"  # the extra `vertex`
MCP = "pip install mcp"  # the extra `mcp`, which the SDK's own requirements cover


def command(extra: str = "") -> str:
    """The `pip install` command for this package, with an extra if one is named."""
    suffix = f"[{extra}]" if extra else ""
    if UNPUBLISHED:
        return f"pip install './inference_providers-{__version__}-py3-none-any.whl{suffix}'"
    return f"pip install 'inference_providers{suffix}'" if extra else "pip install inference_providers"


def pyinstaller_hooks() -> list[str]:
    """The folder with this package's hook for PyInstaller, which asks for it by an entry point."""
    return [os.path.join(os.path.dirname(os.path.abspath(__file__)), "_pyinstaller")]


def refusal(tag: str) -> str:
    """Why *tag* must not be published; empty if it may be."""
    if UNPUBLISHED:
        return (
            "The name inference_providers on PyPI belongs to another project. Settle the name, then set UNPUBLISHED "
            "in inference_providers/installing.py to False and run `make docs`."
        )
    if tag != f"v{__version__}":
        return f"The tag is {tag!r}, but this is version {__version__}: tag v{__version__}, or change __version__."
    return ""


if __name__ == "__main__":
    sys.exit(refusal(sys.argv[1] if len(sys.argv) > 1 else "") or 0)
