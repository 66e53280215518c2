"""What each program of an embedded mesh sees of the caller's environment.

Rule: only what is named here passes. Cloud credentials and proxies go to fetch alone, which is the only
stage that talks to the world; a proxy variable would also bend gRPC's loopback calls.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import collatio

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("GRPC_VERBOSITY", "GRPC_TRACE"),
}
_PREFIXES = ("LC_", "OTEL_", "COLLATIO_")
_NOT_OURS = {"COLLATIO_GATEWAY"}  # says where the command's own client goes
_CLOUD_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "GCS_", "CLOUDSDK_", "IDENTITY_", "MSI_")
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


def plain(environ: Mapping[str, str]) -> dict[str, str]:
    """Pick what every program may see, and let a source checkout's packages be found."""
    picked = {key: value for key, value in environ.items() if _is_plain(key)}
    picked["PYTHONUNBUFFERED"] = "1"
    source = _source_folder()
    if source is not None:
        picked["PYTHONPATH"] = os.pathsep.join(filter(None, [source, picked.get("PYTHONPATH")]))
    return picked


def with_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Pick what fetch may see: the plain part, cloud credentials and proxies."""
    secret = {
        key: value
        for key, value in environ.items()
        if key.startswith(_CLOUD_PREFIXES) or key.upper() in _PROXIES
    }
    return {**plain(environ), **secret}


def _is_plain(key: str) -> bool:
    return key in _NAMES or (key.startswith(_PREFIXES) and key not in _NOT_OURS)


def _source_folder() -> str | None:
    """Find the folder our packages are imported from, unless it is where installed ones lie anyway."""
    assert collatio.__file__ is not None
    folder = Path(collatio.__file__).resolve().parents[1]
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return None if folder in installed else str(folder)
