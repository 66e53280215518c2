"""Cuts pairs into tiles: tasks of a bounded number of documents and a bounded predicted cost.

Rules:
1. A tile is known by the digests of what it holds, so that it need not run again. Hence its membership must
   be stable: replacing one document among many may change only tiles that hold it.
2. No tile holds more than `DOCUMENTS_MAX` documents, and none of several pairs costs more than the limit.

Theory: every document has a key, the hash of its digest, and the tiles are the leaves of a trie over pairs of
keys. A node holds the pairs whose lower and upper key begin with two given prefixes of equal length; a node
too large is split four ways by the next bit of both. Whether a node is split depends on its own pairs alone,
so a change is felt only on the path to its own leaves. Chunks of consecutive keys, cut by content, would hold
as well, but need a target size that fits the cost of the pairs, and the fit is what moves.

Plans that pair few documents with few (near-duplicates, versions, two trees) make groups without a pair between
them. A group that fits a tile stays whole, so that its documents are read once: its documents then share one key,
the least of theirs, and the trie packs groups as it packs pairs.

Known ugliness: a node just above the limit is split into four small tiles, so tiles vary between a quarter of
the limit and the limit; merging neighbours would undo rule 1.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compare_svc.engine.cost import predict_cost, predict_document_cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from compare_svc.engine.entries import Entry

DOCUMENTS_MAX = 64
DEPTH_MAX = 512
"""Bits in a key; two different documents differ well before."""

PAIRS, GROUPS = "p", "g"
"""How the paths of the two tries begin; each further character is the child taken."""

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """One task: pairs of indexes into the entries, left first, in order; and its predicted cost in seconds.

    `node` is its path through the trie: a later plan's tile of the same path holds mostly the same pairs.
    """

    pairs: tuple[Pair, ...]
    cost_s: float = 0.0
    node: str = ""

    @property
    def documents(self) -> tuple[int, ...]:
        """The indexes of its documents, each once, sorted."""
        return tuple(sorted({index for pair in self.pairs for index in pair}))


def cut(entries: Sequence[Entry], pairs: Iterable[Pair], cost_per_tile_s: float) -> tuple[Tile, ...]:
    """Cut pairs into tiles of at most `cost_per_tile_s` predicted seconds each (one pair may exceed it)."""
    keys = [_key(entry) for entry in entries]
    forward: defaultdict[Pair, list[Pair]] = defaultdict(list)
    for left, right in pairs:
        forward[(left, right) if keys[left] <= keys[right] else (right, left)].append((left, right))
    sizes = [entry.character_count if entry.has_text else 0 for entry in entries]
    prices = _Prices(
        {pair: predict_cost(sizes[pair[0]], sizes[pair[1]]) for pair in forward},
        [predict_document_cost(size) for size in sizes],
    )
    return tuple(
        Tile(tuple(sorted(given for pair in leaf for given in forward[pair])), prices.of(leaf), node)
        for leaf, node in _nodes(list(forward), keys, prices, cost_per_tile_s)
    )


Leaf = tuple[list[Pair], str]
"""Pairs, and their path."""


def _nodes(pairs: list[Pair], keys: Sequence[int], prices: _Prices, cost_max_s: float) -> Iterator[Leaf]:
    """Keep groups of documents that are linked by pairs together where they fit, each known by its least key."""
    of_group: dict[int, int] = {}
    fitting: list[Pair] = []
    for group in _groups(pairs):
        if prices.fit(group, cost_max_s):
            least = min(keys[index] for pair in group for index in pair)
            of_group.update((index, least) for pair in group for index in pair)
            fitting.extend(group)
        else:
            yield from _leaves(group, keys, prices, cost_max_s, PAIRS)
    yield from _leaves(fitting, of_group, prices, cost_max_s, GROUPS)


def _groups(pairs: list[Pair]) -> list[list[Pair]]:
    """Group pairs whose documents are linked, directly or by way of others."""
    root: dict[int, int] = {}

    def find(member: int) -> int:
        while root.setdefault(member, member) != member:
            root[member] = member = root[root[member]]
        return member

    for left, right in pairs:
        root[find(left)] = find(right)
    groups: defaultdict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[find(pair[0])].append(pair)
    return list(groups.values())


@dataclass(frozen=True, slots=True)
class _Prices:
    """Predicted seconds of each pair and of each document."""

    pairs: dict[Pair, float]
    documents: list[float]

    def of(self, node: list[Pair]) -> float:
        """Predict what a task of these pairs takes."""
        members = {index for pair in node for index in pair}
        return sum(self.pairs[pair] for pair in node) + sum(self.documents[index] for index in members)

    def fit(self, node: list[Pair], cost_max_s: float) -> bool:
        """Tell whether these pairs make a task; stops counting as soon as they do not."""
        if len(node) == 1:
            return True
        members: set[int] = set()
        cost = 0.0
        for pair in node:
            cost += self.pairs[pair]
            for index in pair:
                if index not in members:
                    members.add(index)
                    cost += self.documents[index]
            if cost > cost_max_s or len(members) > DOCUMENTS_MAX:
                return False
        return True


def _key(entry: Entry) -> int:
    """Hash a document's digest, then its id: equal digests part at the second half only."""
    digest = hashlib.sha256(entry.digest.encode()).digest()
    return int.from_bytes(digest + hashlib.sha256(entry.document_id.encode()).digest(), "big")


def _leaves(
    pairs: list[Pair],
    keys: Sequence[int] | Mapping[int, int],
    prices: _Prices,
    cost_max_s: float,
    trie: str,
) -> Iterator[Leaf]:
    waiting = [(pairs, trie)] if pairs else []
    while waiting:
        node, path = waiting.pop()
        depth = len(path) - 1
        if depth >= DEPTH_MAX or prices.fit(node, cost_max_s):
            yield node, path
            continue
        shift = DEPTH_MAX - 1 - depth
        children: tuple[list[Pair], ...] = ([], [], [], [])
        for pair in node:
            children[(keys[pair[0]] >> shift & 1) * 2 + (keys[pair[1]] >> shift & 1)].append(pair)
        waiting.extend((child, f"{path}{at}") for at, child in reversed(list(enumerate(children))) if child)


def relatives(node: str) -> list[str]:
    """Name the nodes whose pairs a node's may have been part of, or made of: its parent and its children."""
    return [*([node[:-1]] if len(node) > 1 else []), *(f"{node}{at}" for at in range(4))]
