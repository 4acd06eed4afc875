"""The ids of revoked tokens are found before and after they are compacted, also by other threads."""

from threading import Thread

from services.sessions.revoked_ids import RevokedIds

IDS = [f"token {number}" for number in range(1000)]


def test_ids_are_found_before_and_after_compaction() -> None:
    ids = RevokedIds()
    for part in (IDS[:1], IDS[1:500], IDS[500:]):
        ids.compact()
        ids.update(part)
    assert len(ids) == len(IDS)
    assert all(revoked in ids for revoked in IDS)
    assert not any(f"another {number}" in ids for number in range(1000))


def test_no_id_is_found_if_none_is_revoked() -> None:
    ids = RevokedIds()
    ids.compact()
    assert IDS[0] not in ids


def test_other_threads_find_ids_during_compaction() -> None:
    ids = RevokedIds()
    ids.update(IDS)

    def compact() -> None:
        for _ in range(200):
            ids.compact()

    compacting = Thread(target=compact)
    compacting.start()
    while compacting.is_alive():
        assert IDS[500] in ids
    compacting.join()
