"""How many password hashes a process computes concurrently: as many as its cores and its memory allow."""

from config.resources import available_cores, available_memory

PROCESS_MEMORY = 96 * 2**20
"""The octets of a process that computes no hash, and of the revocations and tokens that it may keep."""
HASH_MEMORY_KIB = 19456
"""The memory that a hash computation needs: the OWASP minimum for argon2id."""
HASH_MEMORY = HASH_MEMORY_KIB * 1024


def hash_thread_count() -> int:
    """Return the number of threads, at least 1: one for each core, if their hashes fit into the memory.

    A container may have few octets of the memory, and all cores, of a large host.
    """
    return max(1, min(available_cores(), (available_memory() - PROCESS_MEMORY) // HASH_MEMORY))
