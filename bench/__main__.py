"""Run the benchmarks whose names are given, by default all: `python -m bench comparison login`."""

import subprocess
import sys

PARTS = {
    "comparison": "the guard, a plain route and other libraries, as a table and a plot",
    "guard": "the guard and its refusals with each algorithm, and PyJWT by hand",
    "startup": "the start of a process, and bare Flask",
    "login": "logins and bare password hashes",
    "directory": "logins at an LDAP directory with other libraries",
    "refresh": "refreshes and bare commits of PostgreSQL, with up to ten million sessions",
    "revocations": "a worker with a million revocations",
    "servers": "gunicorn and granian with the whole service",
    "hosts": "two processes with a shared database, and one",
    "bulk": "an import and the bulk loader of the database",
    "scale": "logins and queries with up to ten million users",
    "saturation": "guarded routes during a flood of logins",
    "oracle": "the durations of denied logins",
}


def main() -> int:
    """Run each part in a process of its own. Return 1 if a part failed, 2 if a name is not that of a part."""
    names = sys.argv[1:] or [*PARTS]
    if unknown := [name for name in names if name not in PARTS]:
        print(f"Unknown: {', '.join(unknown)}. The parts are:")
        print("\n".join(f"  {name:12} {what}" for name, what in PARTS.items()))
        return 2
    failed = []
    for name in names:
        print(f"\n{name}: {PARTS[name]}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
