"""A pytest plugin that breaks the gateway on purpose: ``SABOTAGE=NAME pytest -p …sabotage.plugin``.

What the tests run in their own process is broken here, the processes they start by their launcher.
"""

from __future__ import annotations

import os

from tests.promises.sabotage.builds import BUILDS

BUILDS[os.environ["SABOTAGE"]]()
