"""Report which tests ran against which real server; under CI, let none of them be skipped.

A pytest plugin. A test names its servers with ``@pytest.mark.server("postfix", "rt5")``; those
whose fixtures it uses are counted without being named.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable

import pytest

PROPERTY = "real servers"
FIXTURES = {
    "dovecot": "dovecot",
    "expired_dovecot": "dovecot",
    "kannel": "kannel",
    "oauth_dovecot": "dovecot",
    "object_store": "nanio",
    "poor_dovecot": "dovecot",
    "postfix": "postfix",
    "postgres": "postgresql",
    "postgres_url": "postgresql",
    "pymap": "pymap",
    "rt": "rt5",
}
OUTCOMES = {"passed": ("passed",), "failed": ("failed", "error"), "skipped": ("skipped",)}


def under_ci() -> bool:
    """Whether the environment says that this is a continuous integration run."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false", "no"}


def servers_of(item: pytest.Item) -> list[str]:
    """Return the real servers a test runs against, sorted."""
    named = {str(name) for marker in item.iter_markers("server") for name in marker.args}
    used = {FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in FIXTURES}
    return sorted(named | used)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note a test's servers where its reports carry them, across worker processes too."""
    servers = servers_of(item)
    if servers:
        item.user_properties.append((PROPERTY, " ".join(servers)))
        if item.get_closest_marker("integration") is None:
            item.add_marker("integration")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI, turn the skip of an integration test into a failure."""
    report = yield
    integration = item.get_closest_marker("integration") is not None
    if report.skipped and integration and under_ci() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {skip_reason(report)}"
    return report


def skip_reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr or "no reason given")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests ran against each real server, and why some did not run at all."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[str] = Counter()
    for outcome, categories in OUTCOMES.items():
        reports = [each for name in categories for each in terminalreporter.stats.get(name, [])]
        for report in _of_tests(reports):
            for server in servers_in(report):
                counts[server][outcome] += 1
            if outcome == "skipped":
                reasons[skip_reason(report)] += 1
    if counts:
        terminalreporter.section("real servers")
        terminalreporter.write_line(f"{'server':<14}" + "".join(f"{o:>9}" for o in OUTCOMES))
        for server in sorted(counts):
            numbers = "".join(f"{counts[server][outcome]:>9}" for outcome in OUTCOMES)
            terminalreporter.write_line(f"{server:<14}{numbers}")
    if reasons:
        terminalreporter.section("skipped tests")
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:>5}  {reason}")


def servers_in(report: pytest.TestReport) -> list[str]:
    """Return the real servers that a test's report names."""
    return [
        server
        for name, value in report.user_properties
        if name == PROPERTY
        for server in str(value).split()
    ]


def _of_tests(reports: Iterable[object]) -> list[pytest.TestReport]:
    """Return the reports of tests, without those of modules that could not be collected."""
    return [report for report in reports if isinstance(report, pytest.TestReport)]
