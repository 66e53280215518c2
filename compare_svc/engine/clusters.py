"""Groups documents that are linked, directly or by way of others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from compare_svc.engine.model import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterable


def find_clusters(edges: Iterable[tuple[str, str]]) -> tuple[Cluster, ...]:
    """Group the ids that edges link: members sorted, the largest cluster first, then by first member."""
    root: dict[str, str] = {}

    def find(member: str) -> str:
        root.setdefault(member, member)
        while root[member] != member:
            root[member] = root[root[member]]
            member = root[member]
        return member

    for left, right in edges:
        first, second = sorted((find(left), find(right)))
        root[second] = first
    members: defaultdict[str, list[str]] = defaultdict(list)
    for member in root:
        members[find(member)].append(member)
    clusters = [Cluster(tuple(sorted(group))) for group in members.values() if len(group) > 1]
    return tuple(sorted(clusters, key=lambda cluster: (-len(cluster.document_ids), cluster.document_ids)))
