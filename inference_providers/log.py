"""Messages for people, on the `inference_providers` logger; `logging` is imported with the first message."""

from __future__ import annotations

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging


def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("inference_providers")


def tell(message: str) -> None:
    """Log what is being tried (INFO); on standard error if logging is not configured."""
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
    """Log what a person should know (WARNING); by default Python prints it on standard error."""
    _logger().warning(printable(message))
