"""A provider with all capabilities that the diagnosis uses."""

from collections.abc import Iterator

from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, Denied, Explanation, User

PASSWORD = "the right one"


class Store:
    """Knows users by username and email. Some are disabled, and the store may be unavailable."""

    def __init__(
        self, *users: tuple[str, str], disabled: frozenset[str] = frozenset(), unavailable: bool = False
    ) -> None:
        self._users = users
        self._disabled = disabled
        self._unavailable = unavailable

    def authenticate(self, login: str, password: str) -> User | Denied:
        explanation = self.explain(login)
        if explanation.user and password == PASSWORD:
            return explanation.user
        return Denied(explanation.reason or "wrong_password")

    def explain(self, login: str) -> Explanation:
        self._require_available()
        found = [user for user in self._users if login in user]
        if not found:
            return Explanation(None, UNKNOWN_USER)
        if len(found) > 1:
            return Explanation(None, AMBIGUOUS)
        username, email = found[0]
        if username in self._disabled:
            return Explanation(None, DISABLED)
        return Explanation(User(username=username, email=email, roles=[]))

    def find(self, username: str) -> User | None:
        self._require_available()
        return next((user for user in self.list_users() if user["username"] == username), None)

    def has_username(self, username: str) -> bool:
        self._require_available()
        return any(username == known for known, _ in self._users)

    def list_users(self) -> Iterator[User]:
        self._require_available()
        return (
            User(username=username, email=email, roles=[])
            for username, email in self._users
            if username not in self._disabled
        )

    def _require_available(self) -> None:
        if self._unavailable:
            raise ConnectionError
