"""Making the pipeline, the outbox and what follows events out of a gateway's parts and its configuration."""

from __future__ import annotations

from gateway.core.assembly import Parts
from gateway.core.default_backends import default_backends
from gateway.core.evaluating import Evaluations
from gateway.core.events import EVALUATING, TRANSCRIBING, Events, places, telling
from gateway.core.following import Follower
from gateway.core.outbox.composing import ReplyComposer
from gateway.core.outbox.outbox import Outbox
from gateway.core.outbox.sender import Sender
from gateway.core.outbox.targets import BackendTarget, ChannelTarget, Target
from gateway.core.partitions import Partitions
from gateway.core.pipeline.acknowledging import Acknowledger
from gateway.core.pipeline.inbound import Inbound
from gateway.core.pipeline.restraint import AcknowledgePolicy, Restraint
from gateway.core.pipeline.runner import Pipeline
from gateway.core.reading import BlobReader
from gateway.core.texts import acknowledgements
from gateway.core.transcribing import Transcriber
from gateway.domain.matching import MatchingPolicy
from gateway.domain.retrying import BreakerPolicy, RetryPolicy


def make_pipeline(parts: Parts, partitions: Partitions) -> Pipeline:
    """Make the pipeline, with the policies that the configuration sets."""
    settings = parts.settings
    matching = settings.matching
    policy = MatchingPolicy(
        reopen_days=matching.reopen_days, repeat_hours=matching.repeat_hours,
        repeat_threshold=matching.repeat_threshold,
        suggest_threshold=matching.suggest_threshold,
        require_authenticated_sender=matching.require_authenticated_sender,
    )  # fmt: skip
    acknowledge = settings.acknowledge
    acknowledger = Acknowledger(
        hooks=parts.hooks, texts=acknowledgements(settings.tenants),
        restraint=Restraint(
            store=parts.store,
            policy=AcknowledgePolicy(
                enabled=acknowledge.enabled, verified_only=acknowledge.verified_only,
                per_sender_hours=acknowledge.per_sender_hours,
                per_channel_hour=acknowledge.per_mailbox_hour,
            ),
            sending=frozenset(
                name for name, one in parts.channels.items() if one.capabilities.sends
            ),
        ),
    )  # fmt: skip
    inbound = Inbound(
        hooks=parts.hooks, store=parts.store, keyring=parts.keyring, policy=policy,
        rules=[rule.as_rule(n) for n, rule in enumerate(settings.routing)], targets=parts.assembly.targets,
        acknowledger=acknowledger,
        default_backends=default_backends(parts.assembly), channels=parts.channels,
    )  # fmt: skip
    return Pipeline(
        store=parts.store, preparer=parts.preparer, inbound=inbound, keyring=parts.keyring,
        clock=parts.clock, new_id=parts.new_id, log=parts.log, on_committed=parts.notice,
        repeat_hours=matching.repeat_hours, attempts=settings.pipeline.attempts,
        pace=parts.pace, turns=parts.turns, partitions=partitions,
    )  # fmt: skip


def make_outbox(parts: Parts, partitions: Partitions) -> Outbox:
    """Make the outbox, with a sender for each backend and channel."""
    made, outbox = Outbox(), parts.settings.outbox
    composer = ReplyComposer(parts.store, parts.keyring, parts.codes)
    targets: list[Target] = [
        BackendTarget(name, backend, parts.store, parts.hooks)
        for name, backend in parts.backends.items()
    ]
    targets += [
        ChannelTarget(name, channel, parts.hooks, composer)
        for name, channel in parts.channels.items()
    ]
    retry = RetryPolicy(
        schedule=outbox.schedule, jitter=outbox.jitter, floor=outbox.retry_after_floor,
        cap=outbox.retry_after_cap,
    )  # fmt: skip
    breaker = BreakerPolicy(
        threshold=outbox.breaker_failures, pause=outbox.breaker_seconds,
        longest=outbox.breaker_cap,
    )  # fmt: skip
    for target in targets:
        made.add(
            Sender(
                target=target, store=parts.store, clock=parts.clock, new_id=parts.new_id,
                random=parts.random, log=parts.log, retry=retry, breaker=breaker,
                report=parts.board.reporter(f"outbox/{target.name}"),
                on_settled=parts.notice, deadline=outbox.attempt_seconds, idle=parts.pace.idle,
                partitions=partitions,
            )
        )  # fmt: skip
    return made


def make_events(parts: Parts) -> Events:
    """Make what follows events, as far as a plugin wants anything of it."""
    looks = {
        EVALUATING: Evaluations(
            store=parts.store, hooks=parts.hooks, clock=parts.clock, new_id=parts.new_id,
            log=parts.log, on_committed=parts.notice, targets=parts.assembly.targets,
        ).look,
        TRANSCRIBING: Transcriber(
            store=parts.store, blobs=BlobReader(parts.blobs), hooks=parts.hooks,
            channels=parts.channels, clock=parts.clock, new_id=parts.new_id, log=parts.log,
            on_committed=parts.notice,
        ).look,
    }  # fmt: skip
    return Events(
        [
            Follower(
                name=name, place=place, each=looks.get(name) or telling(parts.hooks, place.key),
                store=parts.store, log=parts.log, idle=parts.pace.idle,
            )
            for name, place in places(parts.hooks).items()
        ]
    )  # fmt: skip
