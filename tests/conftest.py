from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures", "tests.servers.reporting"]

# How long an example takes depends on what else the machine does; time is measured by benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
