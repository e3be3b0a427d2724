"""The whole configuration, section by section."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from gateway.config.connectors import (
    BackendSettings,
    ChannelSettings,
    Name,
    PluginSettings,
    RoutingRule,
    TenantSettings,
)
from gateway.config.policies import (
    AcknowledgeSettings,
    ContinuationSettings,
    IntakeSettings,
    MatchingSettings,
    OutboxSettings,
    PipelineSettings,
    RedactionSettings,
)
from gateway.config.retention import RetentionSettings
from gateway.config.server import (
    ApiSettings,
    GatewaySettings,
    SecretsSettings,
    StoreSettings,
    WebSettings,
)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of a gateway; an empty file is a valid one."""

    gateway: Annotated[
        GatewaySettings,
        Meta(description="What this gateway is called, where its data is, how it logs."),
    ] = field(default_factory=GatewaySettings)
    store: Annotated[StoreSettings, Meta(description="The database.")] = field(
        default_factory=StoreSettings
    )
    web: Annotated[
        WebSettings, Meta(description="The HTTP server for webhooks, API, pages and health.")
    ] = field(default_factory=WebSettings)
    api: Annotated[ApiSettings, Meta(description="The JSON API.")] = field(
        default_factory=ApiSettings
    )
    secrets: Annotated[SecretsSettings, Meta(description="Keys the gateway signs with.")] = field(
        default_factory=SecretsSettings
    )
    tenants: Annotated[
        dict[Name, TenantSettings],
        Meta(description='Organisations served, by name; without any there is one, "default".'),
    ] = {}
    plugins: Annotated[
        dict[Name, PluginSettings],
        Meta(
            description="Plugins, by name. Installed is not enabled: [plugins.NAME] enables. The "
            "order here is the order in which they are asked."
        ),
    ] = {}
    channels: Annotated[
        dict[Name, ChannelSettings], Meta(description="Ways in and out for customers, by name.")
    ] = {}
    backends: Annotated[
        dict[Name, BackendSettings], Meta(description="Ticket systems, by name.")
    ] = {}
    routing: Annotated[
        tuple[RoutingRule, ...],
        Meta(description="Which conversation goes to which backend; the first rule that fits."),
    ] = ()
    redaction: Annotated[
        RedactionSettings, Meta(description="What is blacked out, and for whom.")
    ] = field(default_factory=RedactionSettings)
    intake: Annotated[IntakeSettings, Meta(description="How long a sender is kept waiting.")] = (
        field(default_factory=IntakeSettings)
    )
    pipeline: Annotated[PipelineSettings, Meta(description="How arrivals become messages.")] = (
        field(default_factory=PipelineSettings)
    )
    outbox: Annotated[OutboxSettings, Meta(description="How deliveries are tried again.")] = field(
        default_factory=OutboxSettings
    )
    acknowledge: Annotated[AcknowledgeSettings, Meta(description='The "we have it" mail.')] = field(
        default_factory=AcknowledgeSettings
    )
    matching: Annotated[MatchingSettings, Meta(description="Which messages belong together.")] = (
        field(default_factory=MatchingSettings)
    )
    continuation: Annotated[
        ContinuationSettings,
        Meta(description="Codes with which customers go on by another channel, such as a call."),
    ] = field(default_factory=ContinuationSettings)
    retention: Annotated[
        RetentionSettings,
        Meta(
            description="How long what is stored is kept. What waits, rests in quarantine, is held, "
            "or was not delivered yet is never touched, however old it is."
        ),
    ] = field(default_factory=RetentionSettings)
