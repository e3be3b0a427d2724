"""Kannel 1.4: an SMS gateway of one's own, between the gateway and the operator's SMS centre."""
