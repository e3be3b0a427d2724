"""From stored arrivals to messages, decisions and deliveries."""
