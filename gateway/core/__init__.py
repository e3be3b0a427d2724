"""The running life: intake, pipeline, outbox, timers and supervision."""
