"""Messages for people, on the `inference_providers` logger; `logging` is imported with the first message."""

from __future__ import annotations

from contextlib import contextmanager

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

_show: list[Callable[[str], None]] = []


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


@contextmanager
def held() -> Iterator[None]:
    """Have what is logged meanwhile shown at the end, as for a screen that would be drawn over it."""
    import logging

    logger, records = _logger(), list[logging.LogRecord]()

    class Holder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handlers, propagates = logger.handlers[:], logger.propagate
    logger.handlers[:], logger.propagate = [Holder()], False
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = handlers, propagates
        for record in records:
            if not _shown(record.getMessage()):
                logger.handle(record)


def warn(message: str) -> None:
    """Log what a person should know (WARNING); by default Python prints it on standard error."""
    if not _shown(printable(message)):
        _logger().warning(printable(message))


def _shown(message: str) -> bool:
    if _show and not _logger().hasHandlers():
        _show[-1](message)
        return True
    return False


def shown_by(show: Callable[[str], None]) -> None:
    """Have warnings shown so where logging is not configured, as a command does that knows how wide its terminal is."""
    _show[:] = [show]
