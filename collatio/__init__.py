"""collatio: a mesh of gRPC services that fetches documents, extracts what they say, and compares them.

`collatio.Client` is the async Python client. It is loaded when it is first asked for, so that importing any
part of the package stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collatio.client import Client

__version__ = "0.1.0"
__all__ = ["Client", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the client when it is first asked for (PEP 562)."""
    if name == "Client":
        from collatio.client import Client  # noqa: PLC0415 - lazy: gRPC costs a tenth of a second

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
