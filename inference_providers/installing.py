"""What to type to install this package and its extras: said once, for messages, docs and the release.

`python -m inference_providers.installing TAG` tells whether a release may be published: exit code 1, with the
reason, while the name on PyPI is another project's, or if the tag is not this version's.
"""

from __future__ import annotations

import sys

from inference_providers import __version__

# The name `inference_providers` on PyPI belongs to an older package of somebody else: `pip install` with the name
# alone would bring that one. False once the name, or another one, is this project's.
UNPUBLISHED = True
LOCAL = "pip install xllamacpp gguf numpy"  # what the extra `local` brings, for those who have the package already


def command(extra: str = "") -> str:
    """The `pip install` that brings this package, with an extra."""
    wanted = f"[{extra}]" if extra else ""
    if UNPUBLISHED:
        return f"pip install './inference_providers-{__version__}-py3-none-any.whl{wanted}'"
    return f"pip install 'inference_providers{wanted}'" if extra else "pip install inference_providers"


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
