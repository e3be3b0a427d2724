"""How Kannel's bearerbox is: its status page, and whether a line to an SMS centre stands."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gateway import Health

PATH = "/status.xml"


def health_of(page: bytes, smsc: str) -> Health:
    """Read a status page.

    Args:
        smsc: the line that is used; empty where any will do.
    """
    try:
        root = ET.fromstring(page)  # noqa: S314  # the operator's own server; expat bounds entities
    except ET.ParseError:
        return Health(
            state="degraded", code="no_status", reason="status_url does not answer as Kannel does"
        )
    status = (root.findtext("status") or "").strip()
    if not status:
        return Health(
            state="degraded", code="wrong_status_password",
            reason="Kannel does not tell its status; status_password has to be its status-password",
        )  # fmt: skip
    if not status.startswith("running"):
        return Health(
            state="degraded", code="kannel_not_running",
            reason=f"Kannel is {status.partition(',')[0]}; texts wait in its queue",
        )  # fmt: skip
    if "smsbox" not in [one.findtext("type") for one in root.findall("boxes/box")]:
        return Health(
            state="down", code="no_smsbox",
            reason="no smsbox is connected to Kannel: nothing comes in or goes out; start it",
        )  # fmt: skip
    lines = {
        (one.findtext("id") or "").strip(): (one.findtext("status") or "").strip()
        for one in root.findall("smscs/smsc")
    }
    wanted = {name: state for name, state in lines.items() if smsc in ("", name)}
    if any(state.startswith("online") for state in wanted.values()):
        return Health()
    if not wanted:
        what = f"has no line called {smsc}" if smsc else "has no line to an SMS centre"
        return Health(state="down", code="no_smsc", reason=f"Kannel {what}; see its group smsc")
    told = ", ".join(f"{name} is {state}" for name, state in sorted(wanted.items()))
    return Health(
        state="degraded", code="smsc_down",
        reason=f"no line to the SMS centre stands ({told}); texts wait in Kannel's queue",
    )  # fmt: skip
