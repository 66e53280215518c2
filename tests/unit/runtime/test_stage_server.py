"""Where a server may listen."""

from __future__ import annotations

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.program import ServiceSettings
from collatio.runtime.stage_server import refuse_exposure


def settings(listen: str, *, insecure: bool = False) -> ServiceSettings:
    """Make settings that listen somewhere."""
    return ServiceSettings(state_url="redis://x", blob_url="file:///x", listen=listen, insecure=insecure)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:50050", "localhost:50050", "127.8.8.8:1"])
def test_loopback_needs_no_leave(listen: str) -> None:
    """An address nobody else can reach is served in the clear."""
    refuse_exposure(settings(listen))


@pytest.mark.parametrize("listen", ["0.0.0.0:50050", "[::]:50050", "192.0.2.1:1", "mesh.example:1"])
def test_beyond_loopback_only_when_told(listen: str) -> None:
    """An address others can reach is refused, with what to set, until it is set."""
    with pytest.raises(CollatioError) as caught:
        refuse_exposure(settings(listen))
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert "--insecure" in caught.value.message
    refuse_exposure(settings(listen, insecure=True))
