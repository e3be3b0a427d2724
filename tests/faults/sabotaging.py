"""Runs tests against builds of the gateway that are broken on purpose; each has to be caught."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.promises.process import ROOT

PROMISES, UNIT, FAULTS = "tests/promises", "tests/unit", "tests/faults"
BOOKS = f"{PROMISES}/test_p02_nothing_is_lost_nothing_is_doubled.py::test_the_books_agree_for_the_gateway_as_it_is"
TELLING = ("lost:", "doubled:", "out of order:", "FAULT")
# What a build raises itself: a test that fails by it has noticed nothing.
UNFIT = re.compile(r"(TypeError|AttributeError|NameError): .*<locals>")
# The tests that ought to notice.
CATCHING: dict[str, tuple[str, ...]] = {
    "acknowledge-before-commit": (BOOKS, f"{FAULTS}/test_power.py"),
    "synchronous-normal": (f"{UNIT}/store/test_sqlite.py", f"{FAULTS}/test_power.py"),
    "unsynced-blobs": (f"{FAULTS}/test_power.py", f"{FAULTS}/test_disk.py"),
    "send-again-without-key": (BOOKS,),
    "no-redelivery-key": (BOOKS, f"{PROMISES}/test_p01_acknowledged_is_durable.py"),
    "no-fencing": (f"{UNIT}/store/test_contract_sharing.py", "tests/integration/cluster"),
    "lease-never-expiring": (f"{UNIT}/store/test_contract_sharing.py", "tests/integration/cluster"),
    "order-by-clock": (f"{UNIT}/store/test_contract_arrivals.py", "tests/integration/store/test_order.py"),
    "reply-sent-again": (f"{UNIT}/core/test_unknown_outcomes.py",),
    "merge-across-identities": (
        f"{UNIT}/domain/test_matching.py",
        f"{PROMISES}/test_p07_nobody_enters_another_persons_conversation.py",
    ),
}  # fmt: skip
# Caught by tests that take seconds and start no process.
QUICK = ("no-fencing", "order-by-clock", "reply-sent-again", "merge-across-identities")


class Catch(NamedTuple):
    """A test that failed, and what it said."""

    test: str
    words: str


def caught(build: str, tests: Sequence[str], *, workers: int = 0) -> list[Catch]:
    """Run tests on a broken build; those that noticed.

    A test that could not be set up, or that ran out of time, noticed nothing.

    Raises:
        RuntimeError: the tests did not run at all, or the build does not fit the gateway any more.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.xml"
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "tests.promises.sabotage.plugin",
                "-p", "no:cacheprovider", "-n", str(workers), "--dist", "loadgroup",
                "--basetemp", f"{folder}/tests", "--junitxml", str(told), *tests,
            ],
            cwd=ROOT, env={**os.environ, "SABOTAGE": build}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if not told.exists():
            raise RuntimeError(
                f"no test ran on {build}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        cases = ET.parse(told).getroot().iter("testcase")
        catches = [
            Catch(str(case.get("name")), _words(failure))
            for case in cases
            if (failure := case.find("failure")) is not None
        ]
    unfit = [catch.words for catch in catches if UNFIT.search(catch.words)]
    if unfit:
        raise RuntimeError(f"{build} does not fit the gateway any more: {unfit[0]}")
    return catches


def _words(failure: ET.Element) -> str:
    lines = [line.strip() for line in (failure.get("message") or "").splitlines()]
    # The books and the reports tell what differs on lines of their own.
    faults = [line for line in lines if line.startswith(TELLING)]
    return (faults or lines or ["failed"])[0][:150]
