"""Files with variables: what their lines say, who may have been able to read them, and what is told of them."""

from __future__ import annotations

import os
import struct
import sys
import traceback
from pathlib import Path

import pytest

from inference_providers.files import folders
from inference_providers.gateway.env_file import read_environ

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a gateway needs Unix")


def written(tmp_path: Path, content: str | bytes, mode: int = 0o600) -> str:
    path = tmp_path / "keys.env"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("A=b", "A", "b"),
        ("  export  A = b ", "A", "b"),
        ("302AI_API_KEY=x", "302AI_API_KEY", "x"),
        ("A=", "A", ""),
        ("A= # a comment", "A", ""),
        ("A=b # a comment", "A", "b"),
        ("A=b#c", "A", "b#c"),
        ("A=#c", "A", "#c"),
        ("A=a=b", "A", "a=b"),
        ("A=it's", "A", "it's"),
        ("A='x # y' # c", "A", "x # y"),
        ("A='a\\nb'", "A", "a\\nb"),
        ('A="x\\n\\"y\\" $HOME"', "A", 'x\n"y" $HOME'),
        ("\ufeffA=b", "A", "b"),
        ("A=b\r", "A", "b"),
        ("A=b\u2028c", "A", "b\u2028c"),
        ("A=b\nA=c", "A", "c"),
    ],
)
def test_what_a_line_says(tmp_path: Path, line: str, name: str, value: str) -> None:
    path = written(tmp_path, f"# keys\n\n{line}\n".encode() if line[0] != "\ufeff" else line.encode())
    assert read_environ(path, {"A": "before", "B": "stays"}) == {"A": "before", "B": "stays", name: value}


@pytest.mark.parametrize(
    "line",
    ["hunter2", "=hunter2", "A B=hunter2", "A='hunter2", 'A="hunter2', "A='hunter2'x", "A=hunter2\0", "A-B=hunter2"],
)
def test_what_is_no_assignment_is_told_by_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=r"keys\.env, line 3:") as told:
        read_environ(written(tmp_path, f"A=hunter2\n\n{line}\n"), {})
    frames = told.value.__traceback__ and told.value.__traceback__.tb_next  # but for this test's own
    shown = traceback.TracebackException(ValueError, told.value, frames, capture_locals=True).format()
    assert "hunter2" not in "".join(shown)


def test_what_is_not_text_is_told_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 2: it is not UTF-8") as told:
        read_environ(written(tmp_path, b"A=1\nB=\xff\n"), {})
    assert told.value.__suppress_context__  # which holds the bytes


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o606, 0o602, 0o666])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ValueError, match="chmod 600"):
        read_environ(written(tmp_path, "A=1\n", mode), {})


def test_a_group_that_others_may_be_in_is_refused_and_an_own_one_is_not(tmp_path: Path) -> None:
    path = written(tmp_path, "A=1\n", 0o640)
    if folders.is_own_group(os.stat(path).st_gid):
        assert read_environ(path, {}) == {"A": "1"}
    others = [gid for gid in (1, *os.getgroups()) if not folders.is_own_group(gid)]
    try:
        os.chown(path, -1, others[0])
    except (IndexError, PermissionError):
        pytest.skip("this user can give it to no other group")
    os.chmod(path, 0o640)
    with pytest.raises(ValueError, match="group that others may be in"):
        read_environ(path, {})


USER, OWN_GROUP, MASK, OTHERS, OWNER, NOBODY = 0x02, 0x04, 0x10, 0x20, 0x01, 0xFFFFFFFF


@pytest.mark.parametrize(("reader", "is_read"), [(None, True), (12345, False)])
def test_an_access_list_may_name_the_user_alone(tmp_path: Path, reader: int | None, is_read: bool) -> None:
    """Service managers give a service its secrets so: the group's mode is then that of the list."""
    path = written(tmp_path, "A=1\n", 0o400)
    rows = [(OWNER, 4, NOBODY), (USER, 4, os.geteuid() if reader is None else reader), (OWN_GROUP, 0, NOBODY),
            (MASK, 4, NOBODY), (OTHERS, 0, NOBODY)]  # fmt: skip
    try:
        os.setxattr(
            path, folders.ACCESS_LIST, struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)
        )
    except (OSError, AttributeError):
        pytest.skip("no access lists here")
    assert os.stat(path).st_mode & 0o777 == 0o440
    if is_read:
        assert read_environ(path, {}) == {"A": "1"}
    else:
        with pytest.raises(ValueError, match="another user, by its access list"):
            read_environ(path, {})


def test_what_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file"):
        read_environ(str(tmp_path / "none"), {})
    with pytest.raises(ValueError, match="is not read: Is a directory"):
        read_environ(str(tmp_path), {})
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ValueError, match="it is a pipe"):
        read_environ(str(tmp_path / "pipe"), {})
    with pytest.raises(ValueError, match="larger than 1024 KiB"):
        read_environ(written(tmp_path, "A=" + "b" * 1024 * 1024), {})
