"""Settings of tenants, plugins, channels, backends and routing."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.config.policies import RedactionSettings
from gateway.config.retention import TenantRetention
from gateway.domain.conversation import Priority, Tier
from gateway.domain.routing import Rule, When

NAME_PATTERN = r"^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$"
REST = {"rest": True}
Name = Annotated[
    str,
    Meta(
        pattern=NAME_PATTERN,
        extra={"expects": "a name of lower-case letters, digits, - and _, at most 64 long"},
    ),
]


class TenantSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An organisation served."""

    name: Annotated[str, Meta(description="What people call it.")] = ""
    languages: Annotated[
        tuple[str, ...],
        Meta(
            description="Languages its customers write, as two-letter codes, the most common first.",
            examples=[["en", "de"]],
        ),
    ] = ()
    acknowledge: Annotated[
        dict[str, str],
        Meta(
            description='Text of the "we have it" mail by language; empty for the built-in text.',
            examples=[{"en": "We have received your message."}],
        ),
    ] = {}
    redaction: Annotated[
        RedactionSettings | None,
        Meta(
            description="Replaces [redaction] for this tenant.",
            examples=[{"card_numbers": ["store", "forward", "log"]}],
        ),
    ] = None
    retention: Annotated[
        TenantRetention | None,
        Meta(
            description="Replaces [retention] for this tenant, but for what holds for all of them.",
            examples=[{"raw_days": 90, "conversation_days": 365}],
        ),
    ] = None


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One inbox, number, workspace or site."""

    type: Annotated[
        str, Meta(min_length=1, description="A channel type that an enabled plugin brings.")
    ]
    tenant: Annotated[str, Meta(description="Whose it is.")] = "default"
    enabled: Annotated[bool, Meta(description="Whether it runs.")] = True
    settings: Annotated[
        dict[str, Any], Meta(description="The type's own settings.", extra=REST)
    ] = {}


class BackendSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ticket system."""

    type: Annotated[
        str, Meta(min_length=1, description="A backend type that an enabled plugin brings.")
    ]
    tenant: Annotated[str, Meta(description="Whose it is.")] = "default"
    enabled: Annotated[bool, Meta(description="Whether it runs.")] = True
    settings: Annotated[
        dict[str, Any], Meta(description="The type's own settings.", extra=REST)
    ] = {}


class PluginSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plugin; naming it here is what enables it, and the order here is the order of its hooks."""

    enabled: Annotated[bool, Meta(description="Whether it is loaded.")] = True
    required: Annotated[
        bool, Meta(description="Whether the gateway refuses to start without it.")
    ] = False
    path: Annotated[
        str,
        Meta(
            description="A Python file to load as the plugin instead of an installed one; a path "
            "that is not absolute starts at the config file's folder.",
            examples=["mine.py"],
        ),
    ] = ""
    settings: Annotated[
        dict[str, Any], Meta(description="The plugin's own settings.", extra=REST)
    ] = {}


class RuleCondition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a routing rule applies; what is left out always holds, and * stands for any text."""

    tenant: Annotated[tuple[str, ...], Meta(description="Whose it is.")] = ()
    channel: Annotated[tuple[str, ...], Meta(description="Names of channels it came in by.")] = ()
    recipient: Annotated[tuple[str, ...], Meta(description="Addresses it was written to.")] = ()
    sender: Annotated[
        tuple[str, ...], Meta(description="Addresses it came from, such as *@example.com.")
    ] = ()
    language: Annotated[
        tuple[str, ...], Meta(description="Two-letter codes of the language it is in.")
    ] = ()
    words: Annotated[
        tuple[str, ...],
        Meta(description="Words of which one is in subject or text; case is ignored."),
    ] = ()


class RoutingRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a conversation goes; the first rule that fits decides, unless it says stop = false."""

    name: Annotated[
        str,
        Meta(description="What ``gateway why`` calls the rule.", examples=["billing questions"]),
    ] = ""
    when: Annotated[
        RuleCondition,
        Meta(
            description="When the rule applies: lists of tenant, channel, recipient, sender, "
            "language, words. One of each list that is given has to fit; * stands for any text.",
            examples=[{"channel": ["support"], "words": ["invoice", "refund"]}],
        ),
    ] = RuleCondition()
    backends: Annotated[
        tuple[str, ...],
        Meta(description="Names of the backends it goes to.", examples=[["desk"]]),
    ] = ()
    queue: Annotated[
        str, Meta(description="The backend's own name of a queue, group or project.")
    ] = ""
    tier: Annotated[Tier | None, Meta(description="The tier it starts at.", examples=["L1"])] = None
    priority: Annotated[Priority | None, Meta(description="Its priority.", examples=["high"])] = (
        None
    )
    tags: Annotated[tuple[str, ...], Meta(description="Tags it gets.")] = ()
    stop: Annotated[
        bool, Meta(description="Whether later rules are left out; if not, they add to this one.")
    ] = True

    def as_rule(self, position: int) -> Rule:
        """The rule as the domain applies it; one without a name is called by its position."""
        return Rule(
            name=self.name or f"routing[{position}]",
            when=When(**msgspec.structs.asdict(self.when)),
            backends=self.backends,
            queue=self.queue,
            tier=self.tier,
            priority=self.priority,
            tags=self.tags,
            goon=not self.stop,
        )
