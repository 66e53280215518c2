"""Where credentials for the object stores come from: each cloud's own chain, never a URI or a request.

Rules. What stands in the environment (keys, web identity, container credentials, service accounts, workload
identity) is read by obstore itself. When there is nothing of it, the cloud's own library is asked if it is
installed, because profiles and single sign-on live only there: boto3, azure-identity, google-auth (the extras
`aws`, `azure` and `gcp`). Without it, obstore falls back on the machine's metadata service; whoever calls
bounds that, since a machine outside the cloud may keep one waiting.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVIDENT = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_SKIP_SIGNATURE",
        "AZURE_USE_AZURE_CLI",
    ),
    "gs": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_SKIP_SIGNATURE",
    ),
}
_ADC_FILE = ".config/gcloud/application_default_credentials.json"
_ADVICE = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE (needs the extra collatio[aws]), a role, "
    "or s3_anonymous for a public bucket",
    "az": "set az_account, and AZURE_STORAGE_ACCOUNT_KEY, a client secret or workload identity, or az_anonymous "
    "for a public container",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS or workload identity, or gs_anonymous for a public bucket",
}


class Chain(Protocol):
    """Finds a credential provider for obstore. Blocking: call it from a thread."""

    def __call__(self, scheme: str) -> Any | None:
        """Return a provider, or `None` to leave it to obstore's own chain; raise LookupError for none at all."""


def evident(scheme: str, environment: Mapping[str, str]) -> bool:
    """Whether credentials are stated where obstore reads them, so that no metadata service need be asked."""
    if any(environment.get(name) for name in _EVIDENT[scheme]):
        return True
    return scheme == "gs" and (Path(environment.get("HOME", "/nonexistent")) / _ADC_FILE).is_file()


def library_chain(scheme: str) -> Any | None:
    """Ask the cloud's own library, if it is installed."""
    if scheme == "s3" and _installed("boto3"):
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - loads boto3

        try:
            return Boto3CredentialProvider()
        except Exception as error:  # botocore has a class of its own for each fault of a profile
            raise LookupError from error
    if scheme == "az" and _installed("azure.identity"):
        from obstore.auth.azure import AzureCredentialProvider  # noqa: PLC0415 - loads azure-identity

        return AzureCredentialProvider()
    if scheme == "gs" and _installed("google.auth"):
        from obstore.auth.google import GoogleCredentialProvider  # noqa: PLC0415 - loads google-auth

        try:
            return GoogleCredentialProvider()
        except Exception as error:  # google-auth raises DefaultCredentialsError, and others for a broken file
            raise LookupError from error
    return None


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # not even its parent package


def missing(scheme: str, bucket: str) -> CollatioError:
    """Make the error that names the bucket and what to set."""
    return CollatioError(
        Reason.SOURCE_CREDENTIALS_MISSING,
        f"The mesh has no credentials for {scheme}://{bucket}: {_ADVICE[scheme]}, on the fetch workers.",
        metadata={"bucket": bucket},
    )
