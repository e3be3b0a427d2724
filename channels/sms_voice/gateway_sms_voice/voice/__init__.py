"""Calls: a menu, voicemail, and one message for each call however its parts come in."""
