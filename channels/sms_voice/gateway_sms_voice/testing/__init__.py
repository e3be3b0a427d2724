"""Loopback doubles of phone providers, for tests of plugins and gateways."""

from __future__ import annotations

from gateway_sms_voice.testing.calls import PhoneCall
from gateway_sms_voice.testing.twilio import TwilioDouble, twilio_double

__all__ = ["PhoneCall", "TwilioDouble", "twilio_double"]
