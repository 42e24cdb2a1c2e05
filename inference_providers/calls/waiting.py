"""How synchronous programs wait: the twin of `async_waiting`, under the same names."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import Any, TypeVar

    from inference_providers.calls.answer_stream import AnswerStream
    from inference_providers.transport import Cancellation

    T = TypeVar("T")

sleep = time.sleep


def race(runners: Sequence[Callable[[], bool]]) -> Generator[int, None, None]:
    """`transport.run_race`, which a question does not need: indexes of those that answer, the earliest first."""
    from inference_providers.transport import run_race

    return run_race(runners)


def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Its result: there is no event loop to keep free."""
    return function(*args)


def all_of(functions: Sequence[Callable[[], T]]) -> list[T]:
    """Their results, one after another."""
    return [function() for function in functions]


def hedged(
    first: Callable[[Cancellation | None], T],
    second: Callable[[Cancellation | None], T],
    after: float,
    may_begin: Callable[[], bool],
    ends: Callable[[T], bool],
) -> list[T]:
    """The result of *first*; where it takes more than *after* seconds, *second* runs as well if it *may_begin*.

    The results, as they come. One that *ends* is the last of them: what still runs is cancelled, by its request.
    """
    from queue import Empty, SimpleQueue
    from threading import Thread

    from inference_providers.transport import Cancellation
    from inference_providers.waits import taken

    ended: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
    cancellations: list[Cancellation] = []

    def start(function: Callable[[Cancellation | None], T]) -> None:
        cancellations.append(cancellation := Cancellation())

        def work() -> None:
            try:
                ended.put((function(cancellation), None))
            except BaseException as error:  # noqa: BLE001  (raised where the caller waits)
                ended.put((None, error))

        Thread(target=work, daemon=True).start()

    results: list[Any] = []
    try:
        start(first)
        try:
            result = taken(ended, after)
        except Empty:
            if may_begin():
                start(second)
            result = taken(ended)
        while True:
            if result[1] is not None:
                raise result[1]
            results.append(result[0])
            if len(results) == len(cancellations) or ends(results[-1]):
                return results
            result = taken(ended)
    finally:
        for cancellation in cancellations:
            cancellation.cancel()


def begun(stream: AnswerStream) -> AnswerStream:
    """A stream that has begun: its errors are raised where it is asked for."""
    return stream.open()
