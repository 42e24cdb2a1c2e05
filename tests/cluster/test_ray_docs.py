"""The examples of the docs that need Ray, run on a cluster of one node."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.servers import Server

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(240)
BLOCKS = [
    pytest.param(block, language, id=f"{page}-{number}")
    for page in ("batch", "scale")
    for number, (language, block) in enumerate(
        re.findall(
            r"^```(py|shell)\n(.*?)^```", (ROOT / "docs" / f"{page}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
        ),
        1,
    )
]


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize(("block", "language"), BLOCKS)
def test_an_example_runs(block: str, language: str, serve: Callable[..., Server], tmp_path: Path) -> None:
    """Addresses and buckets are this machine's."""
    server = serve()
    (tmp_path / "in.jsonl").write_text('"What is 2 + 2?"\n"What is 3 + 3?"\n')
    (tmp_path / "shared").mkdir()
    code = block.replace("10.0.0.5:6379", "local").replace("/shared/", f"{tmp_path}/shared/")
    code = code.replace("s3://bucket/", f"{tmp_path}/").replace("http://10.0.0.5:8000/v1", server.url)
    if "read_parquet" in code:
        import pyarrow
        from pyarrow import parquet

        (tmp_path / "reviews").mkdir()
        parquet.write_table(pyarrow.table({"text": ["A", "B"]}), tmp_path / "reviews" / "part.parquet")
    environ = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": "sk-canary-0123456789", "OPENAI_BASE_URL": server.url, "RAY_USAGE_STATS_ENABLED": "0",
        "OLLAMA_HOST": "127.0.0.1:9",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code] if language == "py" else ["sh", "-ec", code],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
