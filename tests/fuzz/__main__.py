"""Run the coverage-guided fuzzer: `make fuzz`, or `python -m tests.fuzz [--seconds N] [--replay FILE] [TARGET…]`.

Each target runs for N seconds, in its own process, against the stores that this process starts. The inputs that reach
new code are kept in `corpus/`, from which the next run continues. An input that shows a fault is saved in `findings/`.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.fuzzed_services import Environs, all_environs, fuzzed_services
from tests.fuzz.targets import SEEDS, TARGETS

FOLDER = Path(__file__).parent
CORPUS, FINDINGS, DICTIONARY = FOLDER / "corpus", FOLDER / "findings", FOLDER / "dictionary"
MAX_INPUT_BYTES = 20_000  # more than a request body may have
INPUT_TIMEOUT = 120
"""The seconds after which an input counts as a fault: the service hangs."""
MAX_MEMORY_MIB = 1024
"""The memory of the process from which an input counts as a fault."""
PROGRESS_INTERVAL = 10.0

_PROGRESS = re.compile(r"#(?P<inputs>\d+)\s.*\bcov: (?P<edges>\d+)\b.*\bcorp: (?P<kept>\d+)")
_FAULT = re.compile(r"=== Uncaught Python exception|ERROR: libFuzzer|Traceback|most recent call first")
_SAVED = re.compile(r"Test unit written to (?P<file>\S+)")


@dataclass
class Run:
    """What is known about the run of a target."""

    target: str
    started: float = 0
    """When the first input was tried, which is long after the start of the process."""
    inputs: int = 0
    edges: int = 0
    kept: int = 0
    finding: str | None = None
    """The file with the input that shows a fault."""

    def __str__(self) -> str:
        seconds = time.monotonic() - self.started if self.started else 0
        return f"{self.target}: {self.inputs} inputs in {seconds:.0f} s, {self.edges} edges of code, {self.kept} kept"


def main() -> int:
    """Return the exit code: 1 if a fault was found."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description="Fuzz the service until a fault is found.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"one of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--seconds", type=int, default=600, help="the time for each target (default: %(default)s)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="send one input again, and show what fails")
    arguments = parser.parse_args()
    if unknown := {*arguments.targets} - {*TARGETS}:
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")
    targets = arguments.targets or [*TARGETS]
    with all_environs() as environs:
        if arguments.replay:
            return replay(environs, targets, arguments.replay.read_bytes())
        return fuzz_all(environs, targets, arguments.seconds)


def replay(environs: Environs, targets: list[str], data: bytes) -> int:
    """Send an input to the targets. An AssertionError passes to the caller."""
    with fuzzed_services(environs) as services:
        for target in targets:
            TARGETS[target](services)(data)
    print("The input shows no fault.")
    return 0


def fuzz_all(environs: Environs, targets: list[str], seconds: int) -> int:
    """Fuzz each target until the time is over, a fault is found, or Ctrl-C is pressed."""
    runs: list[Run] = []
    with TemporaryDirectory() as folder:
        file = Path(folder, "environs.json")
        file.write_text(json.dumps(environs), "utf-8")
        try:
            for target in targets:
                runs.append(Run(target))
                fuzz(runs[-1], file, seconds)
        except KeyboardInterrupt:
            print("Interrupted.")
    print(f"{sum(run.inputs for run in runs)} inputs were tried.")
    findings = [run for run in runs if run.finding]
    for run in findings:
        print(f"{run.target}: a fault. Show it again: python -m tests.fuzz --replay {run.finding} {run.target}")
    return 1 if findings else 0


def fuzz(run: Run, environs: Path, seconds: int) -> None:
    """Fuzz one target, and show the progress."""
    corpus = CORPUS / run.target
    corpus.mkdir(parents=True, exist_ok=True)
    FINDINGS.mkdir(exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": MAX_INPUT_BYTES,
        "timeout": INPUT_TIMEOUT,
        "report_slow_units": INPUT_TIMEOUT,
        "rss_limit_mb": MAX_MEMORY_MIB,
        "dict": DICTIONARY,
        "artifact_prefix": f"{FINDINGS}/{run.target}-",
    }
    arguments = [run.target, environs, *(f"-{name}={value}" for name, value in options.items())]
    command = [sys.executable, "-m", "tests.fuzz.libfuzzer", *map(str, arguments), str(corpus), str(SEEDS / run.target)]
    # A session of its own, so that Ctrl-C ends it after this process has noticed.
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True
    ) as child:
        try:
            show_progress(run, iter(child.stderr or ()))
        except KeyboardInterrupt:
            child.kill()
            raise
    print(run, flush=True)
    if child.wait() and not run.finding:
        run.finding = "(no input was saved)"


def show_progress(run: Run, lines: Iterator[str]) -> None:
    """Read the output of libFuzzer: show the progress at intervals, and everything from a fault on."""
    shown_at, is_fault = time.monotonic(), False
    for line in lines:
        if match := _PROGRESS.match(line):
            run.started = run.started or time.monotonic()
            run.inputs, run.edges, run.kept = map(int, match.groups())
        is_fault = is_fault or bool(_FAULT.search(line))
        if is_fault:
            print(line, end="")
        elif time.monotonic() - shown_at > PROGRESS_INTERVAL:
            shown_at = time.monotonic()
            print(run, flush=True)
        if match := _SAVED.search(line):
            run.finding = match["file"]


if __name__ == "__main__":
    sys.exit(main())
