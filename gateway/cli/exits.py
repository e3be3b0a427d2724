"""What each exit code says; docs/cli.md lists the same."""

from __future__ import annotations

from gateway.errors import GatewayError

DONE, FAILED, USAGE, SICK, FAULT, INTERRUPTED = 0, 1, 2, 8, 70, 130

EXITS: dict[int, str] = {
    DONE: "done",
    FAILED: "what was asked could not be done, for a reason that has no code of its own",
    USAGE: "the command line cannot be understood: an unknown option, a malformed id",
    3: "the configuration cannot be used, or there is none",
    4: "a plugin cannot be loaded",
    5: "the store cannot be used: it does not answer, its disk is full, its schema does not fit",
    6: "there is no such record, or it belongs to another tenant",
    7: "the request makes no sense in the present state",
    SICK: "something that was looked at is not well",
    FAULT: "a fault of the gateway itself, whose traceback belongs into a bug report; or `run` ended because a commit failed on the disk",
    INTERRUPTED: "interrupted with Ctrl-C",
}


class Sick(GatewayError):
    """Something that was looked at is not well; what was found has been printed."""

    code = "sick"
    exit_code = SICK
