"""What an object store's failure means to a caller.

Known ugliness: obstore has one class for most failures, so the words of its message are looked at. They choose
a reason and go no further: a message may hold whatever the server wrote.
"""

from __future__ import annotations

import re

from obstore import exceptions as obs

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources import credentials

STORE_ERRORS = (obs.BaseError, OSError, ValueError)
"""What obstore raises, its own and Python's."""

_NO_CREDENTIALS = re.compile(
    r"latest/api/token|latest/meta-data|computeMetadata|metadata/identity|token request|"
    r"Account must be specified|Missing(?:AccessKeyId|SecretAccessKey)|CredentialProvider|AssumeRole",
    re.IGNORECASE,
)
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|404 Not Found")
_TIMEOUT = re.compile(r"timed out|TimedOut", re.IGNORECASE)
_WRONG_REGION = re.compile(
    r"redirect without LOCATION|301 Moved|PermanentRedirect|AuthorizationHeaderMalformed"
)


def translate(error: Exception, scheme: str, bucket: str) -> CollatioError:
    """Return the typed error for what obstore raised."""
    where = f"{scheme}://{bucket}"
    if isinstance(error, FileNotFoundError):
        return CollatioError(Reason.SOURCE_NOT_FOUND)
    if isinstance(error, obs.PermissionDeniedError):
        return CollatioError(Reason.SOURCE_PERMISSION_DENIED, f"{where} refuses to be read.")
    if isinstance(error, obs.UnauthenticatedError):
        return credentials.missing(scheme, bucket)
    if isinstance(error, (obs.InvalidPathError, ValueError)):
        return CollatioError(
            Reason.URI_INVALID, "A key cannot be read that has empty, '.' or '..' segments or is not UTF-8."
        )
    if isinstance(error, obs.PreconditionError):
        return CollatioError(Reason.SOURCE_CHANGED)
    return _by_words(str(error), scheme, bucket)


def _by_words(words: str, scheme: str, bucket: str) -> CollatioError:
    where = f"{scheme}://{bucket}"
    if _NO_CREDENTIALS.search(words):
        return credentials.missing(scheme, bucket)
    if _WRONG_REGION.search(words):
        return CollatioError(
            Reason.SOURCE_UNAVAILABLE, f"{where} lies in another region; set {scheme}_region."
        )
    if _NO_BUCKET.search(words):
        return CollatioError(Reason.SOURCE_NOT_FOUND, f"There is no {where}.")
    if _TIMEOUT.search(words):
        return CollatioError(Reason.SOURCE_TIMEOUT, f"{where} answered too slowly.")
    return CollatioError(Reason.SOURCE_UNAVAILABLE, f"{where} cannot be reached or answered with an error.")
