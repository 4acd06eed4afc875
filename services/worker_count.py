"""How many worker processes a deployment starts: as many as the cores and the memory of their hashes allow."""

from config.resources import available_cores, available_memory
from passwords.hash_threads import HASH_MEMORY, PROCESS_MEMORY, hash_thread_count


def worker_count() -> int:
    """Return the number of workers, at least 1: one for each core, if all of them can hash on all their threads.

    Each worker hashes on as many threads as there are cores, because all logins may reach the same worker.
    """
    of_worker = PROCESS_MEMORY + hash_thread_count() * HASH_MEMORY
    return max(1, min(available_cores(), available_memory() // of_worker))
