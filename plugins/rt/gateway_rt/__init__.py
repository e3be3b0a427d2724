"""Request Tracker 5 as a ticket system behind the gateway."""
