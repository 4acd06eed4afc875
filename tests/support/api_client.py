"""A client of a service that runs in another process."""

from typing import Any

import requests

from tests.support.users import SampleUser


class ApiClient:
    """Sends requests over new connections."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, method: str, path: str, token: str = "", **body: Any) -> requests.Response:
        """Send a request, with a JSON object if there are members. With a token, any version of a user is edited."""
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*"} if token else {}
        return requests.request(method, f"{self._url}{path}", json=body or None, headers=headers, timeout=60)

    def log_in(self, user: SampleUser) -> dict[str, str]:
        """Log in successfully, and return the tokens."""
        response = self.send("POST", "/api/auth", email=user.email, password=user.password)
        assert response.status_code == 200
        tokens: dict[str, str] = response.json()
        return tokens
