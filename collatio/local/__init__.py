"""The embedded mesh: Valkey, the four services and their workers, supervised on loopback.

`mesh.LocalMesh` is the door. This file imports nothing, because the supervising process starts through it
and must be up in a tenth of a second.
"""
