"""How a job ends, from what became of its documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.errors import CATALOGUE, Reason
from gateway.run.documents import EXTRACTED, FAILED

if TYPE_CHECKING:
    from collatio.v1 import gateway_pb2 as pb
    from gateway.run.documents import Documents


@dataclass(frozen=True, slots=True)
class End:
    """A job's end: its state, and why where it is not SUCCEEDED."""

    state: str
    reason: str = ""
    message: str = ""


SUCCEEDED = End("SUCCEEDED")
CANCELLED = End("CANCELLED")


def failed(reason: Reason, message: str = "") -> End:
    """Make a failed end with the reason's own sentence, or a better one."""
    return End("FAILED", str(reason), message or CATALOGUE[reason].meaning)


def fails_at_once(policy: pb.FailurePolicy, document: pb.JobDocument) -> End | None:
    """Tell whether this document's failure ends the job now: its policy is fail_fast."""
    if document.state == FAILED and policy.WhichOneof("policy") == "fail_fast":
        return failed(Reason.DOCUMENT_FAILED, f"A document failed with {document.error.reason}.")
    return None


def after_extraction(spec: pb.JobSpec, documents: Documents) -> End | None:
    """Tell whether the job has failed once every document is extracted or failed; None: it goes on."""
    if not len(documents):
        return failed(Reason.NO_DOCUMENTS)
    found = list(documents)
    if not any(d.state == EXTRACTED for d in found):
        return _none_succeeded(found)
    if spec.compare.WhichOneof("plan") == "baseline" and not any(
        d.baseline and d.state == EXTRACTED for d in found
    ):
        return _baseline_failed(found)
    if spec.on_failure.WhichOneof("policy") == "quorum":
        wanted = spec.on_failure.quorum.fraction
        done = sum(d.state == EXTRACTED for d in found) / len(found)
        if done < wanted:
            return failed(
                Reason.QUORUM_MISSED, f"{done:.1%} of the documents succeeded; {wanted:.1%} were asked for."
            )
    return None


def _none_succeeded(found: list[pb.JobDocument]) -> End:
    """End a job without a success: with the one reason all failures share, or with a word for many."""
    reasons = {d.error.reason for d in found}
    if len(reasons) == 1:
        only = found[0].error
        return End("FAILED", only.reason, only.message)
    return failed(Reason.ALL_DOCUMENTS_FAILED)


def _baseline_failed(found: list[pb.JobDocument]) -> End:
    bad = [d for d in found if d.baseline]
    if not bad:
        return failed(Reason.BASELINE_FAILED, "The baseline names no document.")
    return failed(
        Reason.BASELINE_FAILED, f"The baseline failed with {bad[0].error.reason}: {bad[0].error.message}"
    )
