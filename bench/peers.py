"""Other systems on the same mails: Roundup's mail gateway and django-helpdesk's mail reader.

They are installed into a virtual environment of their own, beside the repository's.
"""

from __future__ import annotations

import mailbox
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

WHERE = Path(".venv-peers")
SITE = """
import os, sys
from django.conf import settings
HOME = os.environ["PEER_HOME"]
if not settings.configured:
    settings.configure(
        SECRET_KEY="x", DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF="site_urls", SITE_ID=1,
        USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField", STATIC_URL="/static/",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HOME + "/db.sqlite"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes",
            "django.contrib.sessions", "django.contrib.sites", "django.contrib.messages",
            "django.contrib.admin", "django.contrib.humanize", "django.contrib.staticfiles",
            "rest_framework", "helpdesk.apps.HelpdeskConfig"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        HELPDESK_TEAMS_MODE_ENABLED=False, MEDIA_ROOT=HOME,
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    )
import django
django.setup()
from django.core.management import call_command
if sys.argv[1] == "setup":
    call_command("migrate", verbosity=0)
    from helpdesk.models import Queue
    Queue.objects.create(title="Support", slug="support", allow_email_submission=True,
        email_address="support@example.com", email_box_type="local",
        email_box_local_dir=HOME + "/mails", email_box_interval=0)
else:
    call_command("get_email", quiet=True, verbosity=0)
    from helpdesk.models import Ticket
    print(Ticket.objects.count())
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("helpdesk/", include("helpdesk.urls"))]
"""


class Figures(NamedTuple):
    """What a peer took for a number of mails.

    Args:
        mails: how many became tickets.
        seconds: from the start of its reader to the end.
        processor: seconds of one processor.
    """

    mails: int
    seconds: float
    processor: float


def measure(mails: Sequence[bytes]) -> dict[str, Figures]:
    """Have each peer that can be installed read the mails; what its start costs is left out."""
    python = _environment()
    if python is None:
        return {}
    found = {}
    for name, reading in (("roundup-mailgw", _roundup), ("django-helpdesk", _helpdesk)):
        one, many = reading(python, mails[:1]), reading(python, mails)
        found[name] = Figures(
            mails=len(mails) - 1,
            seconds=many.seconds - one.seconds,
            processor=many.processor - one.processor,
        )
    return found


def _timed(command: Sequence[Path | str], environment: dict[str, str]) -> tuple[str, Figures]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, check=True, env=environment, capture_output=True)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout.decode(), Figures(mails=0, seconds=seconds, processor=used)


def _environment() -> Path | None:
    python = WHERE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(WHERE)], check=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "roundup==2.6.0", "django-helpdesk==2.6.1"],
            check=False,
        )
        if done.returncode:
            print("the peers cannot be installed here", file=sys.stderr)
            return None
    return python.absolute()


def _roundup(python: Path, mails: Sequence[bytes]) -> Figures:
    tools, environment = python.parent, dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "tracker"
        settings = (
            "tracker_web=http://127.0.0.1:1/,mail_domain=example.com,mail_host=127.0.0.1,"
            f"password_pbkdf2_default_rounds=1000,mail_debug={folder}/out"
        )
        admin = (tools / "roundup-admin", "-i", home)
        subprocess.run(
            [*admin, "install", "classic", "sqlite", settings], check=True, capture_output=True
        )
        with (home / "schema.py").open("a") as schema:  # or unknown senders are turned away
            schema.write("\ndb.security.addPermissionToRole('Anonymous', 'Email Access')\n")
        subprocess.run([*admin, "initialise", "adminpw"], check=True, capture_output=True)
        box = mailbox.mbox(f"{folder}/in.mbox")
        for mail in mails:
            box.add(mail.replace(b"support@example.com", b"issue_tracker@example.com"))
        box.close()
        _, took = _timed(
            [tools / "roundup-mailgw", home, "mailbox", f"{folder}/in.mbox"], environment
        )
        listed = subprocess.run([*admin, "list", "issue"], check=True, capture_output=True)
        return _all("roundup", listed.stdout.count(b"\n"), mails, took)


def _helpdesk(python: Path, mails: Sequence[bytes]) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "peer_site.py").write_text(SITE)
        (home / "site_urls.py").write_text(URLS)
        (home / "mails").mkdir()
        environment = {**os.environ, "PEER_HOME": folder, "PYTHONPATH": folder}
        run = [python, home / "peer_site.py"]
        subprocess.run([*run, "setup"], check=True, env=environment, capture_output=True)
        for number, mail in enumerate(mails):
            (home / "mails" / f"{number}.eml").write_bytes(mail)
        answer, took = _timed([*run, "read"], environment)
        return _all("django-helpdesk", int(answer.split()[-1]), mails, took)


def _all(name: str, made: int, mails: Sequence[bytes], took: Figures) -> Figures:
    if made != len(mails):
        raise RuntimeError(f"{name} made {made} tickets of {len(mails)} mails")
    return took._replace(mails=made)
