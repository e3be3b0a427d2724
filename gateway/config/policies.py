"""Settings of intake, pipeline and outbox, and of the built-in policies."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

RedactAudience = Literal["store", "forward", "console", "log"]
RETRY_SECONDS = (0, 5, 30, 120, 600, 1800, 7200, 18000, 36000, 50400, 72000, 86400)


class RedactionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is blacked out, and for whom."""

    card_numbers: Annotated[
        tuple[RedactAudience, ...],
        Meta(
            description="Where payment card numbers are blacked out: store (nobody ever sees them "
            "again), forward (ticket systems), console (pages and API), log."
        ),
    ] = ("forward", "log")


class IntakeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a sender is kept waiting, and how much may wait."""

    high_water: Annotated[
        int,
        Meta(
            ge=0,
            description="Messages of one tenant's customers that may wait to be worked on; above "
            "it senders are asked to come back later, until a tenth of them is done. 0 for no limit.",
        ),
    ] = 2_000_000
    ack_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Time a sender is kept waiting for the commit before it is asked to come "
            "back later, in seconds.",
        ),
    ] = 8.0


class PipelineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How arrivals become messages."""

    workers: Annotated[int, Meta(ge=1, le=64, description="Processes that parse.")] = 1
    parse_seconds: Annotated[
        float, Meta(gt=0, description="Time one parse may take before it is stopped, in seconds.")
    ] = 10.0
    parse_memory_mib: Annotated[
        int, Meta(ge=128, description="Memory one parsing process may use, in MiB.")
    ] = 1024
    attempts: Annotated[
        int, Meta(ge=1, description="Tries before an arrival goes to quarantine.")
    ] = 3
    hook_seconds: Annotated[
        float, Meta(gt=0, description="Time a plugin's hook may take, in seconds.")
    ] = 5.0
    transcribe_seconds: Annotated[
        float,
        Meta(gt=0, description="Time a plugin may take to transcribe a recording, in seconds."),
    ] = 300.0


class OutboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How deliveries are tried again."""

    schedule: Annotated[
        tuple[Annotated[float, Meta(ge=0)], ...],
        Meta(
            min_length=1,
            description="Pauses before each try in seconds, the first one included; after the "
            "last the delivery is a dead letter.",
        ),
    ] = RETRY_SECONDS
    jitter: Annotated[
        float, Meta(ge=0, le=1, description="Share of a pause by which it varies at random.")
    ] = 0.1
    retry_after_floor: Annotated[
        float, Meta(ge=0, description="Shortest pause a target's Retry-After can ask, in seconds.")
    ] = 1.0
    retry_after_cap: Annotated[
        float, Meta(gt=0, description="Longest pause a target's Retry-After can ask, in seconds.")
    ] = 86400.0
    attempt_seconds: Annotated[
        float, Meta(gt=0, description="Time one try may take, in seconds.")
    ] = 60.0
    breaker_failures: Annotated[
        int, Meta(ge=1, description="Failures in a row after which a target is left alone.")
    ] = 5
    breaker_seconds: Annotated[
        float, Meta(gt=0, description="How long a target is left alone at first, in seconds.")
    ] = 30.0
    breaker_cap: Annotated[
        float, Meta(gt=0, description="How long a target is left alone at most, in seconds.")
    ] = 900.0


class AcknowledgeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The "we have it" mail, and the limits of every automatic answer, a plugin's at level 0 as well."""

    enabled: Annotated[bool, Meta(description='Whether "we have it" is sent at all.')] = False
    verified_only: Annotated[
        bool, Meta(description="Only to senders whose address was verified, so none is spammed.")
    ] = True
    per_sender_hours: Annotated[
        float,
        Meta(
            ge=0, description="Not two automatic answers to one sender within this time, in hours."
        ),
    ] = 24.0
    per_mailbox_hour: Annotated[
        int, Meta(ge=0, description="At most this many from one inbox in an hour.")
    ] = 100


class ContinuationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Codes with which customers go on by another channel."""

    minutes: Annotated[
        float, Meta(gt=0, le=1440, description="How long a code lives, in minutes.")
    ] = 15.0
    most_live: Annotated[
        int, Meta(ge=1, le=1000, description="Codes of one tenant that live at once.")
    ] = 100
    wrong_per_caller_hour: Annotated[
        int,
        Meta(
            ge=1,
            description="Wrong tries of one caller in an hour, after which right ones count as "
            "wrong too. All who hide their number count as one caller.",
        ),
    ] = 5
    wrong_per_tenant_hour: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Wrong tries of everybody together in an hour, at one tenant.",
        ),
    ] = 60


class MatchingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages belong together."""

    repeat_hours: Annotated[
        float, Meta(ge=0, description="How far back a repeat is looked for, in hours.")
    ] = 72.0
    repeat_threshold: Annotated[
        float,
        Meta(ge=0, le=1, description="Likeness from which a message is appended as a repeat."),
    ] = 0.45
    suggest_threshold: Annotated[
        float,
        Meta(ge=0, le=1, description="Likeness from which a repeat is suggested to the agent."),
    ] = 0.33
    require_authenticated_sender: Annotated[
        bool, Meta(description="Join only messages whose sender's address was verified.")
    ] = False
    reopen_days: Annotated[
        float,
        Meta(
            ge=0,
            description="An answer to a conversation closed for longer opens a new, linked one; "
            "in days.",
        ),
    ] = 14.0
