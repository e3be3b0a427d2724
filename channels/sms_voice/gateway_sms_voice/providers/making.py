"""Which provider a channel's settings name."""

from __future__ import annotations

from gateway import Context
from gateway_sms_voice.providers.contract import Provider
from gateway_sms_voice.settings import PhoneSettings


def make_provider(context: Context[PhoneSettings]) -> Provider:
    """Make the provider whose table is set; its library is imported only now."""
    settings = context.settings
    if settings.twilio is not None:
        from gateway_sms_voice.providers.twilio.provider import TwilioProvider

        return TwilioProvider(settings.twilio, context)
    if settings.kannel is not None:
        from gateway_sms_voice.providers.kannel.provider import KannelProvider

        return KannelProvider(settings.kannel, context)
    raise TypeError("the settings name no provider")  # they cannot be made so
