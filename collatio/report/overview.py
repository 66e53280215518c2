"""Write what a reader wants first: what was done, how it ended, what failed and why."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from collatio.report.closest import by_likeness
from collatio.report.figures import counted, duration, moment, parsed, percent
from collatio.report.markup import Markup, el, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.report.model import Account, Failure, Pair
    from collatio.report.names import Names

FAILURES_MAX = 500
_EXAMPLES_MAX = 3
_TITLES = {
    "all_pairs": "Every document with every other",
    "versions": "Versions and their order",
    "near_duplicates": "Near-duplicates",
    "matched": "Two trees, side by side",
    "explicit": "Chosen pairs",
    "": "What the documents hold",
}


def title(account: Account, names: Names) -> str:
    """Name the report after its plan."""
    if account.job.plan == "baseline":
        return f"Each document against {baseline_name(account, names)}"
    return _TITLES.get(account.job.plan, "Documents compared")


def baseline_name(account: Account, names: Names) -> str:
    """Name the baseline as the page names documents."""
    wanted = account.job.baseline
    found = next((each.index for each in account.documents if each.uri == wanted), None)
    path = names.path(found) if found is not None else names.of_uri(wanted)
    return path.rpartition("/")[2] or "a baseline"


def masthead(account: Account, names: Names) -> Markup:
    """Write the page's head: title, one sentence, figures, and what job it was."""
    return el(
        "header",
        el("p", "collatio", class_="brand"),
        el("h1", el("bdi", title(account, names))),
        el("p", joined(_sentences(account, names)), class_="lead"),
        el("dl", _tiles(account), class_="tiles"),
        el("dl", _facts(account), class_="facts"),
        class_="mast",
    )


def _sentences(account: Account, names: Names) -> Iterator[str]:
    failed = sum(each.failure is not None for each in account.documents)
    compared = [pair for pair in account.pairs if pair.compared]
    yield f"Of {counted(len(account.documents), 'document')}, {len(account.documents) - failed:,} could be read"
    yield f" and {failed:,} could not. " if failed else ". "
    if not account.pairs:
        yield "No pairs were compared." if account.job.plan else ""
        return
    yield f"{counted(len(compared), 'pair was', 'pairs were')} compared. "
    best = next(iter(by_likeness(compared)), None)
    if best is not None:
        yield "The closest are "
        yield el("b", el("bdi", names.short(best.left)))
        yield " and "
        yield el("b", el("bdi", names.short(best.right)))
        yield ", " if best.edits else ", without a change that counts: "
        yield f"{percent(best.overall)} alike."


def _tiles(account: Account) -> Iterator[Markup]:
    failed = sum(each.failure is not None for each in account.documents)
    pairs = account.pairs
    same = sum(pair.compared and not pair.edits for pair in pairs)
    not_comparable = sum(pair.status == "NOT_COMPARABLE" for pair in pairs)
    pairs_failed = sum(pair.status == "FAILED" for pair in pairs)
    shown = [
        (len(account.documents), "documents", ""),
        (failed, "failed", "bad" if failed else "calm"),
    ]
    if account.job.plan:
        shown.append((sum(pair.compared for pair in pairs), "pairs compared", ""))
        shown.append((same, "without an edit", "" if same else "calm"))
    if not_comparable:
        shown.append((not_comparable, "not comparable", ""))
    if pairs_failed:
        shown.append((pairs_failed, "pairs failed", "bad"))
    if account.conclusion.clusters:
        shown.append((len(account.conclusion.clusters), "clusters", ""))
    if account.conclusion.families:
        shown.append((len(account.conclusion.families), "families", ""))
    if account.conclusion.rollup:
        shown.append((len(account.conclusion.rollup), "blocks changed", ""))
    for count, word, tone in shown:
        yield el("div", el("dd", f"{count:,}"), el("dt", word), class_=f"tile {tone}".strip())


def _facts(account: Account) -> Iterator[Markup]:
    job = account.job
    facts = [("Job", job.name.removeprefix("jobs/")), ("State", job.state.lower())]
    if job.create_time:
        facts.append(("Asked for", moment(job.create_time)))
    begin, end = parsed(job.create_time), parsed(job.end_time)
    if begin is not None and end is not None:
        facts.append(("Took", duration((end - begin).total_seconds())))
    if job.threshold is not None:
        facts.append(("Threshold", percent(job.threshold)))
    if account.conclusion.candidates:
        facts.append(("Candidates by", account.conclusion.candidates))
    if job.error is not None:
        facts.append(("Why", f"{job.error.reason}: {job.error.message}"))
    for name, value in facts:
        if value:
            yield el("div", el("dt", name), el("dd", value))


def failures(account: Account, names: Names) -> Markup | None:
    """List what failed, and pairs that could not be compared, grouped by why; None where all went well."""
    rows = [
        el(
            "tr",
            el("td", names.mark_up(each.index)),
            el("td", _why(each.failure)),
            el("td", each.failure.stage + (", may be tried again" if each.failure.retryable else "")),
            data_f=True,
        )
        for each in account.documents
        if each.failure is not None
    ]
    rows, more = rows[:FAILURES_MAX], len(rows) - FAILURES_MAX
    rows += _pair_failures(account.pairs, names)
    if not rows:
        return None
    head = el("tr", (el("th", text, scope="col") for text in ("What", "Why", "Where")))
    return joined(
        el("div", el("table", el("thead", head), el("tbody", rows), class_="list"), class_="scroll"),
        el("p", f"{more:,} more in failures.jsonl.", class_="note") if more > 0 else None,
    )


def _pair_failures(pairs: tuple[Pair, ...], names: Names) -> Iterator[Markup]:
    groups: dict[tuple[str, Failure], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.failure is not None:
            groups[pair.status, pair.failure].append(pair)
    for (status, failure), members in groups.items():
        examples = [
            el("li", names.mark_up(pair.left), " with ", names.mark_up(pair.right))
            for pair in members[:_EXAMPLES_MAX]
        ]
        if len(members) > _EXAMPLES_MAX:
            examples.append(el("li", f"and {len(members) - _EXAMPLES_MAX:,} more", class_="rest"))
        word = "not comparable" if status == "NOT_COMPARABLE" else "failed"
        yield el(
            "tr",
            el("td", f"{counted(len(members), 'pair')} {word}", el("ul", examples, class_="plain")),
            el("td", _why(failure)),
            el("td", failure.stage),
            data_f=True,
        )


def _why(failure: Failure) -> Markup:
    return joined(el("code", failure.reason), " ", failure.message)


def one_side_only(account: Account) -> Markup | None:
    """List the paths of matched trees that stand on one side only; None where there are none."""
    sides = (
        ("Only on the left", account.conclusion.left_only),
        ("Only on the right", account.conclusion.right_only),
    )
    lists = [
        el(
            "div",
            el("h3", head, el("small", counted(len(paths), "path"))),
            el(
                "ul",
                (el("li", el("bdi", path), data_f=True) for path in paths[:FAILURES_MAX]),
                class_="plain",
            ),
        )
        for head, paths in sides
        if paths
    ]
    return el("div", lists, class_="cards wide") if lists else None
