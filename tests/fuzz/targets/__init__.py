"""The targets: each sends its input to every application, and fails if a response is wrong."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.targets.authorization import Authorization
from tests.fuzz.targets.claims import Claims
from tests.fuzz.targets.directory import Directory
from tests.fuzz.targets.login import Login, OAuthLogin
from tests.fuzz.targets.token import Token

TARGETS: Mapping[str, Callable[[Iterable[FuzzedService]], Callable[[bytes], None]]] = {
    "authorization": Authorization,
    "token": Token,
    "claims": Claims,
    "login": Login,
    "oauth_login": OAuthLogin,
    "directory": Directory,
}
"""By name: the target, given the applications."""

SEEDS = Path(__file__).parents[1] / "seeds"


def seeds(target: str) -> list[bytes]:
    """Return the inputs from which the fuzzer of a target begins."""
    return [path.read_bytes() for path in sorted((SEEDS / target).iterdir())]
