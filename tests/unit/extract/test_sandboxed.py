"""What a message's sandbox finds ready: formats and parsers come from the process it was forked from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).parents[3] / "examples" / "documents"
READ_ALL = """
import io, json, sys
from pathlib import Path
from collatio.runtime.errors import CollatioError
from collatio.runtime.sniff import sniff_bytes
from extract_svc import sandboxed
warm = set(sys.modules)
for path in sorted(Path(sys.argv[1]).rglob("*.*")):
    data = path.read_bytes()
    header = {"media_type": sniff_bytes(data, path.name), "name": path.name, "options": "", "reading_s": 60}
    try:
        sandboxed.run(json.dumps(header).encode(), [io.BytesIO(data)])
    except CollatioError:
        pass  # one sample is broken on purpose
print(*(name for name in sys.modules if name not in warm and name.partition(".")[0] not in sys.stdlib_module_names))
"""


def test_a_document_has_no_format_or_parser_left_to_import() -> None:
    """Reading the samples imports nothing more, so that no message pays for its parser again."""
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(SAMPLES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split()
