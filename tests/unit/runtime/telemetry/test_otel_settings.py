"""The OTEL_* variables."""

from __future__ import annotations

import logging

import pytest

from collatio.runtime.telemetry.batching import BatchLimits
from collatio.runtime.telemetry.otel_settings import read_otel_settings


def test_nothing_set_is_the_specifications_default() -> None:
    """An empty environment: no exporter asked for, everything sampled, W3C on the wire, no warning."""
    settings = read_otel_settings({})
    assert not settings.disabled
    assert (settings.traces_exporters, settings.metrics_exporters) == (None, None)
    assert (settings.sampler, settings.sampler_ratio) == ("parentbased_always_on", 1.0)
    assert settings.propagators == ("tracecontext", "baggage")
    assert settings.batch == BatchLimits(2048, 512, 5.0)
    assert settings.span_limits["max_links"] == settings.span_limits["max_span_attributes"] == 128
    assert (settings.traces_target.endpoint, settings.traces_target.asked) == (
        "http://localhost:4318/v1/traces",
        False,
    )
    assert (settings.traces_target.timeout_s, settings.traces_target.compression) == (10, "none")
    assert settings.warnings == ()


def test_an_empty_value_is_an_unset_one() -> None:
    """SDK specification: an empty variable counts as absent."""
    names = (
        "OTEL_TRACES_EXPORTER",
        "OTEL_TRACES_SAMPLER",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    assert read_otel_settings(dict.fromkeys(names, "")) == read_otel_settings({})


def test_the_shared_endpoint_gets_a_path_and_the_signals_own_none() -> None:
    """OTLP exporter specification, "Endpoint URLs for OTLP/HTTP"."""
    settings = read_otel_settings(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/base/",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://metrics:1/as-is",
        }
    )
    assert settings.traces_target.endpoint == "http://collector:4318/base/v1/traces"
    assert settings.metrics_target.endpoint == "http://metrics:1/as-is"
    assert settings.traces_target.asked
    assert settings.metrics_target.asked


def test_a_signals_own_variables_win() -> None:
    """_TRACES_ before the shared form, for headers, timeout, compression and certificates."""
    settings = read_otel_settings(
        {
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20shared,x-a=1",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "Authorization=Basic dXNlcjpwdw==",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "7",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "3",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "/key.pem",
        }
    )
    traces, metrics = settings.traces_target, settings.metrics_target
    assert traces.headers == {"authorization": "Basic dXNlcjpwdw=="}
    assert metrics.headers == {"authorization": "Bearer shared", "x-a": "1"}
    assert (traces.timeout_s, metrics.timeout_s) == (3, 7)
    assert traces.compression == metrics.compression == "gzip"
    assert (traces.certificate, traces.client_key, metrics.client_key) == ("/ca.pem", "/key.pem", None)


@pytest.mark.parametrize("protocol", ["grpc", "http/json"])
def test_a_protocol_that_is_not_shipped_is_one_clear_line(protocol: str) -> None:
    """Said once, with the remedy: HTTP is used, the port must be the HTTP one."""
    settings = read_otel_settings(
        {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}
    )
    (warning,) = settings.warnings
    assert protocol in warning
    assert "4318" in warning


def test_the_grpc_port_is_noticed() -> None:
    """An endpoint at 4317 without a protocol is most likely a mistake."""
    (warning,) = read_otel_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}).warnings
    assert "4317" in warning


def test_service_name_comes_from_either_variable() -> None:
    """OTEL_SERVICE_NAME before service.name among the resource attributes, which are percent-decoded."""
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,deployment.environment.name=pre%20prod"}
    settings = read_otel_settings(attributes)
    assert settings.service_name == "a"
    assert settings.resource == {"deployment.environment.name": "pre prod"}
    assert read_otel_settings(attributes | {"OTEL_SERVICE_NAME": "b"}).service_name == "b"


def test_faulty_values_warn_and_fall_back() -> None:
    """Telemetry never stops a program: each fault is a line, each value its default."""
    settings = read_otel_settings(
        {
            "OTEL_BSP_MAX_QUEUE_SIZE": "many",
            "OTEL_BSP_SCHEDULE_DELAY": "-1",
            "OTEL_TRACES_SAMPLER": "jaeger_remote",
            "OTEL_TRACES_SAMPLER_ARG": "2",
            "OTEL_TRACES_EXPORTER": "zipkin,otlp",
            "OTEL_PROPAGATORS": "b3,tracecontext",
            "OTEL_LOG_LEVEL": "loud",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
            "OTEL_SPAN_LINK_COUNT_LIMIT": "nan",
            "OTEL_EXPORTER_OTLP_HEADERS": "secret-token-without-a-name",
        }
    )
    assert settings.batch == BatchLimits()
    assert (settings.sampler, settings.sampler_ratio) == ("parentbased_always_on", 1.0)
    assert settings.traces_exporters == ("otlp",)
    assert settings.propagators == ("tracecontext",)
    assert settings.log_level == logging.INFO
    assert settings.span_limits["max_links"] == 128
    assert len(settings.warnings) == 10
    assert "secret" not in " ".join(settings.warnings)


def test_limits_fall_back_from_the_particular_to_the_general() -> None:
    """OTEL_ATTRIBUTE_* stands in where OTEL_SPAN_ATTRIBUTE_* is not set."""
    limits = read_otel_settings(
        {
            "OTEL_ATTRIBUTE_COUNT_LIMIT": "9",
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "2",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "50",
        }
    ).span_limits
    assert limits["max_span_attributes"] == limits["max_event_attributes"] == 9
    assert limits["max_link_attributes"] == 2
    assert limits["max_span_attribute_length"] == 50
    assert limits["max_events"] == 128


def test_batches_are_no_larger_than_the_queue() -> None:
    """A contradiction is resolved and said."""
    settings = read_otel_settings({"OTEL_BSP_MAX_QUEUE_SIZE": "5", "OTEL_BSP_SCHEDULE_DELAY": "250"})
    assert settings.batch == BatchLimits(5, 5, 0.25)
    assert len(settings.warnings) == 1


def test_credentials_are_not_shown() -> None:
    """Settings may be printed; the headers of an exporter are not."""
    settings = read_otel_settings({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary"})
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("TRUE", True), ("1", False), ("yes", False)])
def test_only_the_word_true_disables(text: str, expected: bool) -> None:
    """SDK specification, "Boolean values": anything but `true` is false."""
    assert read_otel_settings({"OTEL_SDK_DISABLED": text}).disabled is expected
