"""What is in force around a sandbox, as GetCapabilities reports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Isolation:
    """The walls that held when they were tried in a real fork, not those that were asked for.

    `namespaces` are kernel names ("user", "net", "ipc"), sorted. `landlock` is the ABI, 0 when the file
    system is reachable. `no_network` means that a connection to a listener on loopback was refused.
    """

    rlimits: bool
    namespaces: tuple[str, ...]
    landlock: int
    seccomp: bool
    no_network: bool

    @classmethod
    def none(cls) -> Isolation:
        """State that nothing separates the work from its caller."""
        return cls(rlimits=False, namespaces=(), landlock=0, seccomp=False, no_network=False)
