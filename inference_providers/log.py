"""Telling people what happens: on the `inference_providers` logger, imported when there is something to say."""

from __future__ import annotations

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging


def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("inference_providers")


def tell(message: str) -> None:
    """Say what is tried; on standard error where nobody configured logging."""
    import logging

    logger = _logger()
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        logger.addHandler(handler)
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)
    logger.info(printable(message))


def warn(message: str) -> None:
    """Say what a person should know of; Python shows warnings on standard error unless told otherwise."""
    _logger().warning(printable(message))
