"""From deliveries to targets: lease, compose, send, settle."""
