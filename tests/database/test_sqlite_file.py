"""The faults of an SQLite file: each has a message with the path and a remedy."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from database.errors import DatabaseUnavailable
from database.schema import upgrade
from database.sqlite_file import network_file_system
from tests.support.flask_program import ENVIRON, FLASK
from tests.support.stores import SECRET_KEY, engine_of

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nfs rw shared:2 - nfs4 server:/export rw
31 22 0:41 / /mnt/two\\040words rw - cifs //server/share rw
32 30 8:2 / /mnt/nfs/local rw - xfs /dev/sdb1 rw
33 22 0:42 / /home/zoe/remote rw - fuse.sshfs zoe@server: rw
34 22 0:43 / /srv/files rw - fuse.fuse-overlayfs fuse-overlayfs rw
35 22 0:44 / /mnt/c rw master:1 - 9p drvfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/users.db", None),
        ("/mnt/nfs/deep/folder/users.db", "nfs4"),
        ("/mnt/nfs-other/users.db", None),
        ("/mnt/two words/users.db", "cifs"),
        ("/mnt/nfs/local/users.db", None),
        ("/home/zoe/remote/users.db", "fuse.sshfs"),
        ("/srv/files/users.db", None),
        ("/mnt/c/users.db", "9p"),
    ],
)
def test_network_file_system_is_found_in_the_mount_table(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind
    assert network_file_system(Path(path), "") is None


def fault_of(url: str, may_create: bool = True) -> str:
    with pytest.raises(DatabaseUnavailable) as caught:
        upgrade(engine_of({"DATABASE_URL": url}, may_create=may_create))
    return str(caught.value)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that every user can enter. The test may become another user."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        try:
            yield Path(name)
        finally:
            os.seteuid(os.getuid())


def test_each_fault_names_the_path_and_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("SQLite, but only in words")
    assert fault_of(f"sqlite:///{tmp_path}/no/x.db") == (
        f"the folder {tmp_path}/no does not exist. Create it, or correct DATABASE_URL"
    )
    missing = fault_of(f"sqlite:///{tmp_path}/missing.db", may_create=False)
    assert missing == f"{tmp_path}/missing.db does not exist. If the database is new, run: make migrate"
    assert fault_of(f"sqlite:///{tmp_path}").startswith(f"{tmp_path} is a folder")
    assert fault_of(f"sqlite:///{tmp_path}/text.db").startswith(f"{tmp_path}/text.db is not an SQLite database")


def test_file_of_another_user_is_reported_with_both_users(open_folder: Path) -> None:
    file = open_folder / "theirs.db"
    file.touch(mode=0o600)
    os.seteuid(65534)
    found = fault_of(f"sqlite:///{file}")
    assert found.startswith(f"the user nobody may not read and write the file {file}, which belongs to root. Give ")
    assert fault_of(f"sqlite:///{open_folder}/new.db").startswith("the user nobody may not write to the folder")
    assert fault_of("sqlite:////root/x/users.db").startswith("the user nobody cannot open /root/x/users.db: Permission")


def test_read_only_file_system_is_not_a_missing_right(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/users.db"
    upgrade(engine_of({"DATABASE_URL": url}, may_create=True))
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, str(tmp_path), *FLASK, "users", "list"]
    ended = subprocess.run(command, env=ENVIRON | {"DATABASE_URL": url}, capture_output=True, text=True, check=False)
    assert f"{tmp_path}/users.db is on a read-only file system. Mount it so that" in ended.stderr
    assert ended.returncode == 2


def test_another_connection_keeps_the_locks_of_the_process(tmp_path: Path) -> None:
    engine = engine_of({"DATABASE_URL": f"sqlite:///{tmp_path}/users.db"}, may_create=True)
    upgrade(engine)
    log = tmp_path / "users.db-wal"
    read = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM sqlite_master'); c.close()"
    with engine.connect(), engine.connect():
        before = log.stat().st_ino
        # The last process that closes a database removes its log. Locks show it that this one uses the database.
        subprocess.run([sys.executable, "-c", read, f"{tmp_path}/users.db"], check=True)
        assert log.stat().st_ino == before


FULL_DISK = (
    'mount -t tmpfs -o size=1m tmpfs "$0"/disk && cp "$0"/users.db "$0"/disk; cat /dev/zero >"$0"/disk/fill; exec "$@"'
)


@pytest.mark.parametrize("arguments", ["users list", "users enable zoe", "database upgrade", "doctor"])
def test_full_disk_is_named(tmp_path: Path, arguments: str) -> None:
    upgrade(engine_of({"DATABASE_URL": f"sqlite:///{tmp_path}/users.db"}, may_create=True))
    (tmp_path / "disk").mkdir()
    command = ["unshare", "--mount", "sh", "-c", FULL_DISK, str(tmp_path), *FLASK, *arguments.split()]
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/disk/users.db", "COLUMNS": "300"}
    environ |= {"AUTH_PROVIDER": "database", "SECRET_KEY": SECRET_KEY}
    ended = subprocess.run(command, env=ENVIRON | environ, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert f"the disk of {tmp_path}/disk/users.db is full" in ended.stdout + ended.stderr
    assert "Free space on the disk of the SQLite file" in ended.stdout + ended.stderr


def test_file_that_may_not_grow_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/users.db"
    upgrade(engine_of({"DATABASE_URL": url}, may_create=True))
    limit = ["sh", "-c", 'ulimit -f 0; exec "$@" 2>&1 | cat', "sh"]  # the pipe, because standard error is a file in CI
    command = [*limit, *FLASK, "users", "add", "zoe", "--generate"]
    ended = subprocess.run(
        command, env={**ENVIRON, "DATABASE_URL": url}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (
        "Error: the database cannot be used: disk I/O error. Free space on the disk of the SQLite file" in ended.stdout
    )
