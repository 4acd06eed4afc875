"""A provider that knows when certificates expire. Only built-in providers are: the contract does not mention it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator


class CertificateSource(ABC):
    """A provider whose store, or whose settings, have certificates."""

    @abstractmethod
    def certificates(self) -> Iterator[tuple[str, float]]:
        """Yield the server or the setting to which a known certificate belongs, and when it expires (Unix time).

        The store is not asked, and nothing is raised.
        """
