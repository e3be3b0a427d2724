"""Twilio: SMS, MMS and WhatsApp messages, and calls."""
