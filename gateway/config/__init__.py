"""Settings: TOML and environment, all faults at once, secrets that never print."""
