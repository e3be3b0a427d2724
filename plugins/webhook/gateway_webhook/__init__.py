"""The webhook backend: signed events to any ticket system, signed callbacks from it."""

from __future__ import annotations

from collections.abc import Iterable

from gateway import BackendType, hookimpl

__all__ = ["register_backends"]


@hookimpl
def register_backends() -> Iterable[BackendType]:
    """Offer the backend type ``webhook``."""
    from gateway_webhook.backend import WebhookBackend
    from gateway_webhook.settings import WebhookSettings

    yield BackendType(
        name="webhook",
        make=WebhookBackend,
        settings=WebhookSettings,
        summary="Signed events to any system that takes Standard Webhooks, and its replies back.",
    )
