"""The description of an exception for the author of a provider: its type, what it misses, and its place in the code.

The text of an exception is never a part of it, because it may contain a password or the value of a setting.
"""

import contextlib
import importlib
import linecache
import re
import sys
import sysconfig
import traceback
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parent.parent
_CALLERS = (
    *map(str, (_ROOT / "services", _ROOT / "cli", _ROOT / "providers/registry.py")),
    contextlib.__file__,
    str(Path(importlib.__file__).parent),
    "<frozen importlib",
)
"""The files from which providers are called and imported. A fault of a provider is never reported as one of these."""
_LIBRARIES = (*{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}, "<frozen ")


def describe_exception(error: BaseException, module: str = "") -> str:
    """Return the type of the exception, what it misses, and its place, such as `KeyError: 'ACME_URL' at FILE, line 4`.

    The place is the last one in the package of `module`, which is the provider's. Without one, it is the last one that
    is neither in Python nor in an installed package, or the last one at all.
    """
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(_CALLERS)]
    missing = _missing(error, frames)
    name = f"{type(error).__name__}: {missing}" if missing else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{name} at {error.filename}, line {error.lineno}"
    if not frames:
        return name
    folder = _folder(module)
    own = (one for one in reversed(frames) if _is_own(one.filename, folder))
    place = next(own, frames[-1])
    return f"{name} at {place.filename}, line {place.lineno}"


def _is_own(file: str, folder: str | None) -> bool:
    return file.startswith(folder) if folder else not file.startswith(_LIBRARIES)


def _missing(error: BaseException, frames: list[traceback.FrameSummary]) -> str | None:
    """Return which module, key or attribute does not exist; `None` if this is not known to be a name in the code."""
    if isinstance(error, ModuleNotFoundError):
        return f"no module {error.name}"
    if isinstance(error, KeyError) and len(error.args) == 1 and _is_in_code(key := error.args[0], frames):
        return repr(key)
    if isinstance(error, NameError) and _is_in_code(error.name, frames):
        return f"{error.name} is not defined"
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return f"{error.obj.__name__} has no {error.name}"
    if isinstance(error, AttributeError) and _is_in_code(error.name, frames):
        return f"{type(error.obj).__name__} has no {error.name}"
    return None


def _is_in_code(name: object, frames: list[traceback.FrameSummary]) -> bool:
    """Return whether a line of the traceback has this name. Otherwise it may be what a user has typed."""
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]{1,64}", name):
        return False
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return any(word.search(linecache.getline(one.filename, one.lineno or 0)) for one in frames)


def _folder(module: str) -> str | None:
    """Return the folder of the top-level package of a module, or the file of a top-level module."""
    package = sys.modules.get(module.partition(".")[0])
    paths: list[str | None] = [*getattr(package, "__path__", [])] or [getattr(package, "__file__", None)]
    return paths[0]
