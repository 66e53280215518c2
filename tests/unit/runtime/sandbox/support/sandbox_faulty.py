"""A module that cannot be imported; its message must not travel."""

raise RuntimeError("canary-in-a-message")
