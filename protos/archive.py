"""Write the archive of the protos that a release carries: `python protos/archive.py OUT_DIR`.

It holds what a caller needs to generate code: the protos, buf.yaml, the descriptors with comments, the licence. No
time, owner or order of the machine's own goes in, so the same sources give the same bytes.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OTHERS = {"buf.yaml": ROOT / "protos" / "archive-buf.yaml", "LICENSE": ROOT / "LICENSE"}


def contents() -> dict[str, Path]:
    """Name each file of the archive, and where it lies in the tree."""
    protos = {str(path.relative_to(ROOT / "protos")): path for path in (ROOT / "protos").rglob("*.proto")}
    descriptors = {"collatio/v1/descriptors.binpb": ROOT / "collatio" / "v1" / "descriptors.binpb"}
    return dict(sorted({**protos, **descriptors, **OTHERS}.items()))


def archive(name: str) -> bytes:
    """Make the archive; everything lies under one folder of that name."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, source in contents().items():
            data = source.read_bytes()
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as file:
        file.write(plain.getvalue())
    return packed.getvalue()


def main(out: str) -> None:
    """Write the archive into a folder, which is made."""
    name = f"collatio-protos-{version('collatio')}"
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.tar.gz").write_bytes(archive(name))
    print(folder / f"{name}.tar.gz")


if __name__ == "__main__":
    main(*sys.argv[1:])
