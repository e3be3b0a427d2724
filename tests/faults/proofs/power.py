"""Cut the power at every moment, in every way that POSIX allows, and look what is left.

A gateway works below strace. The trace is replayed on a model of a disk that loses whatever was
not synced; at its moments images are laid out, opened again and compared with what the world had
been told by then.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults.power.judging import Judge
from tests.faults.power.replaying import Image, World, differences, moments
from tests.faults.power.restarting import faults_after_restart
from tests.faults.power.workload import MARKERS
from tests.faults.report import Progress, Report
from tests.faults.trace import command, read
from tests.faults.volume import Volume
from tests.promises.process import ROOT, Launcher

TRACE, SHOWN = "trace", 10
KINDS = ("lost", "doubled", "corrupt", "undelivered", "nowhere", "content", "attachment", "key")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--images", type=int, default=10_000, help="how many images are judged")
    parser.add_argument("--mails", type=int, default=200, help="mails that the workload sends")
    parser.add_argument(
        "--restarts", type=int, default=20, help="on how many images a gateway is started again"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--sabotage", default="", help="a build that is broken on purpose")


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    asked = {name: getattr(options, name) for name in ("images", "mails", "restarts", "seed")}
    report = Report(proof="power", asked=asked | {"sabotage": options.sabotage or "none"})
    progress = Progress()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await record(
            folder, mails=options.mails, seed=options.seed, sabotage=options.sabotage
        )  # fmt: skip
        progress("traced; now the images")
        await replay(
            report, folder, images=options.images, restarts=options.restarts, seed=options.seed,
            progress=progress,
        )  # fmt: skip
    return report


async def record(folder: Path, *, mails: int, seed: int, sabotage: str = "") -> None:
    """Run the workload in a folder and trace it."""
    process = await asyncio.create_subprocess_exec(
        *command(folder / TRACE), sys.executable, "-m", "tests.faults.power.workload", str(folder),
        "--mails", str(mails), "--seed", str(seed), *(["--sabotage", sabotage] if sabotage else []),
        cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the workload failed: {errors.decode()[-2000:]}")


async def replay(
    report: Report, folder: Path, *, images: int, restarts: int, seed: int, progress: Progress
) -> None:
    """Judge so many images, spread evenly over the moments of a trace, and report."""
    here = folder / "gateway"
    steps = sum(1 for _ in _moments(folder, _volume(here)))
    dice, judge, launcher = random.Random(seed), Judge(), Launcher()
    volume, world = _volume(here), World()
    kinds: Counter[str] = Counter()
    judged = restarted = 0
    with tempfile.TemporaryDirectory(dir=_memory()) as scratch:
        for moment, world in enumerate(_moments(folder, volume), 1):
            while judged < images * moment // steps:
                # Every other image has nothing that was not synced, the cruellest of all.
                image = Image(volume, world, dice if judged % 2 else None)
                faults = _judge(judge, image, here / "var", Path(scratch))
                judged += 1
                if restarted < restarts * moment // steps:
                    restarted += 1
                    again = Path(scratch) / f"restart-{restarted}"
                    again.mkdir()
                    faults += await faults_after_restart(launcher, image, here / "var", again)
                    shutil.rmtree(again)
                kinds.update({fault.partition(":")[0] for fault in faults})
                if faults and len(report.faults) < SHOWN:
                    report.faults.append(f"at moment {moment} of {steps}: {faults[0]}")
            progress(f"{judged} images, {restarted} restarts, faults: {dict(kinds) or 'none'}")
    launcher.close()
    report.faults += differences(volume, here / "var")
    report.note("moments in the trace", steps)
    report.note("images", judged)
    report.note("restarts on an image", restarted)
    report.note("mails and replies acknowledged", len(world.acknowledged), ">= 1")
    report.note("entries the ticket system stored", len(world.stored), ">= 1")
    report.note("replies sent", len(world.sent), ">= 1")
    for kind in KINDS:
        report.note(f"images with {kind}", kinds[kind], "= 0")


def _moments(folder: Path, volume: Volume) -> Iterator[World]:
    with (folder / TRACE).open() as lines:
        yield from moments(read(lines), volume, folder / MARKERS)


def _volume(here: Path) -> Volume:
    # The log is a convenience, and what is shared between readers is made anew by each.
    return Volume(here, ignored=lambda path: path.endswith((".log", ".toml", "-shm", ".lock")))


def _judge(judge: Judge, image: Image, data: Path, scratch: Path) -> list[str]:
    image.lay_out(scratch / "image", data)

    def blob(name: str) -> bytes | None:
        return image.read(str(data / "blobs" / name[:2] / name[2:4] / name))

    acknowledged = image.world.acknowledged
    faults = judge.faults(scratch / "image" / "gateway.db", acknowledged, blob)
    if acknowledged and not image.read(str(data / "reply.key")):
        faults.append("key: what signs the addresses of replies is gone")
    return faults


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
