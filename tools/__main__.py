"""Names the files that are made, one a line: `make generate` formats them."""

from __future__ import annotations

from tools import faces, twins

for path in (*(faces.PACKAGE / name / "__init__.py" for name in faces.folders()), *twins.sources().values()):
    print(path.relative_to(faces.ROOT))
