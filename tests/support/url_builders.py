"""The builders of URLs: compiled once for all applications of a test run.

Werkzeug compiles two for each route of an application, and so takes half of the time of `create_app`.
"""

from collections.abc import Callable

from werkzeug.routing import Rule

_compile = Rule._compile_builder  # noqa: SLF001 - it has no public name
_compiled: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}


def share_url_builders() -> None:
    """Let routes with equal paths have the same builders, in all applications of this process."""
    Rule._compile_builder = _shared_builder  # type: ignore[assignment]  # noqa: SLF001


def _shared_builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    if rule.defaults:  # they are constants of the builder
        return _compile(rule, append_unknown)
    key = (append_unknown, *rule._trace)  # noqa: SLF001 - the parts of the path; the converters are those of its rule
    if key not in _compiled:
        _compiled[key] = _compile(rule, append_unknown)
    return _compiled[key]
