"""Clients that send requests at a fixed rate, however slowly the server responds, from a process of their own."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class Result:
    """The responses to the requests of one client, in the order of the requests."""

    seconds: list[float]
    """From the time at which a request was due until the last byte of its response."""
    statuses: list[int]
    """0 for a request without a response."""

    @property
    def counts(self) -> Counter[int]:
        """How often each status occurred."""
        return Counter(self.statuses)

    def percentile(self, share: float) -> float:
        """Return the duration that this share of the requests did not exceed, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def send_at_rate(url: str, requests: Sequence[bytes], rate: float, seconds: float) -> Result:
    """Send the requests in turn, `rate` of them each second, and return the responses.

    Each request has a connection of its own. Requests do not wait for earlier responses.
    """
    return asyncio.run(_send_at_rate(url, requests, rate, seconds))


def get(path: str, token: str) -> bytes:
    """Return a GET request with an access token."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()


def post(path: str, body: str) -> bytes:
    """Return a POST request with a JSON body."""
    head = "Host: bench\r\nContent-Type: application/json\r\nConnection: close"
    return f"POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode()


async def _send_at_rate(url: str, requests: Sequence[bytes], rate: float, seconds: float) -> Result:
    address = urlsplit(url)
    begin = time.monotonic()
    calls = []
    for number in range(int(rate * seconds)):
        due = begin + number / rate
        await asyncio.sleep(max(due - time.monotonic(), 0))
        call = _send(str(address.hostname), address.port or 80, requests[number % len(requests)], due)
        calls.append(asyncio.create_task(call))
    responses = await asyncio.gather(*calls)
    return Result([duration for duration, _ in responses], [status for _, status in responses])


async def _send(host: str, port: int, request: bytes, due: float) -> tuple[float, int]:
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(request)
            response = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        response = b""
    status = int(response.split(maxsplit=2)[1]) if response.startswith(b"HTTP/1.") else 0
    return time.monotonic() - due, status
