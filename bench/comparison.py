"""Compare the guard with a plain route, and with what an application could use instead.

Each contender runs in a process of its own. The rounds are interleaved, and the figures are ratios of CPU time to the
plain route of the same round: a busy machine changes them little.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.contender_process import CASES
from bench.contenders import NAMES
from bench.report import Column, Table, print_results
from bench.served import Server, served

ROUNDS = 15
BATCH_SECONDS = 0.1
HTTP_ROUNDS = 9
HTTP_REQUESTS = 400
TITLES = {
    "seen": "token seen before",
    "new": "token never seen",
    "missing": "no token",
    "malformed": "not a token",
    "spoilt": "wrong signature",
    "http": "seen, over HTTP",
}


class _Process:
    """A contender in a process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._numbers = {case: max(10, int(BATCH_SECONDS / self._run(case, 20))) for case in CASES}

    def measure(self, case: str) -> float:
        """Return the CPU seconds of one request, in a batch that takes BATCH_SECONDS."""
        return self._run(case, self._numbers[case])

    def _run(self, case: str, number: int) -> float:
        assert self._process.stdin
        assert self._process.stdout
        print(case, number, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


@contextmanager
def _process(name: str) -> Iterator[_Process]:
    command = [sys.executable, "-W", "ignore", "-m", "bench.contender_process", name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _Process(process)
        finally:
            process.communicate()


def main() -> None:
    """Print the table and the plots. The first argument is the number of rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    table = Table(NAMES, [Column(case, TITLES[case]) for case in CASES])
    with ExitStack() as stack:
        processes = {name: stack.enter_context(_process(name)) for name in NAMES}
        for _ in range(rounds):
            for case in CASES:
                table.add(case, {name: process.measure(case) for name, process in processes.items()})
    with ExitStack() as stack:
        servers = {name: stack.enter_context(served(name)) for name in NAMES}
        table.columns.append(Column("http", TITLES["http"]))
        for _ in range(HTTP_ROUNDS):
            table.add("http", {name: _over_http(server) for name, server in servers.items()})
    print_results(table)


def _over_http(server: Server) -> float:
    return server.measure(HTTP_REQUESTS)


if __name__ == "__main__":
    main()
