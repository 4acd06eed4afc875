"""A section of settings: typed fields, each read from one environment variable."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from config.errors import ConfigurationError, Problem, validation_message
from config.files import UnusableFile, read_file
from config.misspellings import nearest_setting
from config.quoting import may_be_secret, quote_value, resolve
from config.values import UnusableValue, clean_value


class Section(BaseModel):
    """Settings that belong together. The variable of a field is `prefix` + its name, in capitals.

    An error shows "Set it to " followed by the description of the field. A validator raises ValueError with a text
    that follows the name of the variable, such as "must be at least 32 bytes long".
    A `SecretStr` field can be read from a file instead: the variable with `_FILE` appended names the file.
    An empty variable counts as not set. `clean_value` defines which texts are refused as values of any setting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    prefix: ClassVar[str] = ""
    renamed: ClassVar[Mapping[str, str]] = {}
    """The new name of each renamed variable, by its old name."""

    @classmethod
    def variable(cls, field: str) -> str:
        """Return the name of the variable that the field is read from."""
        return f"{cls.prefix}{field}".upper()

    @classmethod
    def is_secret(cls, field: str) -> bool:
        """Return whether the field is a secret. A secret is never shown, and can be read from a file."""
        return _contains(SecretStr, cls.model_fields[field].annotation)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Return the section in `environ`. Raises ConfigurationError with all problems of the section."""
        values, problems = {}, {}
        for field in cls.model_fields:
            try:
                values[field] = cls._value(field, environ)
            except ConfigurationError as error:
                (problems[field],) = error.problems
        given = {field: value for field, value in values.items() if value}
        try:
            section = cls.model_validate(given) if given or cls._validates_defaults() else cls.model_construct()
        except ValidationError as error:
            for fault in error.errors(include_url=False):  # `_problem` shows no input of a secret
                field = str(fault["loc"][0])
                text = "" if cls.is_secret(field) else values.get(field) or ""
                problems.setdefault(field, cls._problem(field, fault, text))
        found = [*problems.values(), *cls._renamed_variables(environ), *cls.misspelled_variables(environ)]
        if found:
            raise ConfigurationError(found)
        return section

    @classmethod
    def _validates_defaults(cls) -> bool:
        """Return whether a section without any value can be invalid.

        Most sections of a start have no value. To build their validators would take 4 % of the start.
        """
        return any(field.is_required() or field.validate_default for field in cls.model_fields.values())

    @classmethod
    def _value(cls, field: str, environ: Mapping[str, str]) -> str | None:
        variable = cls.variable(field)
        value = cls._text(variable, environ)
        if not cls.is_secret(field):
            return value.strip() if value else value
        path = cls._text(f"{variable}_FILE", environ)
        if not path:
            return value
        if value:
            raise _unusable_file(variable, f"is set, and so is {variable}", "Set only one of them")
        return _read_secret(variable, path)

    @classmethod
    def _text(cls, variable: str, environ: Mapping[str, str]) -> str | None:
        try:
            return clean_value(environ[variable]) if variable in environ else None
        except UnusableValue as error:
            raise ConfigurationError([Problem(variable, str(error), error.remedy)]) from None

    @classmethod
    def _problem(cls, field: str, fault: Any, text: str) -> Problem:
        """Return the problem, with its place in a list or an object, and the value unless it is a secret.

        `text` is the value of the variable; empty if it is a secret.
        """
        places = [part for part in fault["loc"][1:] if isinstance(part, int) or part in text]
        shown = (f"value {part + 1}" if isinstance(part, int) else part for part in places)
        found = "is not set" if fault["type"] == "missing" else validation_message(fault)
        value = fault["input"] if text and isinstance(fault["input"], str) else ""
        return Problem(", ".join([cls.variable(field), *shown]), found + cls._quote(field, value), cls.remedy(field))

    @classmethod
    def _quote(cls, field: str, value: str) -> str:
        if _contains(Path, cls.model_fields[field].annotation):
            return f" ({resolve(Path(value))})" if value else ""
        quoted = quote_value(value)
        return f" (it is {quoted})" if quoted else ""

    @classmethod
    def remedy(cls, field: str) -> str:
        """Return what to do if the field is not set or invalid: a sentence without its period."""
        return f"Set it to {cls.model_fields[field].description}"

    @classmethod
    def _renamed_variables(cls, environ: Mapping[str, str]) -> list[Problem]:
        found = {f"{old}{ending}": new for old, new in cls.renamed.items() for ending in ("", "_FILE")}
        return [Problem(old, f"is now called {new}", f"Set {new}") for old, new in found.items() if environ.get(old)]

    @classmethod
    def misspelled_variables(cls, environ: Mapping[str, str]) -> list[Problem]:
        """Return a problem for each unknown variable whose name resembles an unset setting of this section.

        Without this check a misspelled variable would be ignored silently. The same applies to the `_FILE` of a setting
        that is not a secret.
        """
        return [*_misspelled_variables(cls, frozenset(environ))]


def require_known_variables(environ: Mapping[str, str]) -> None:
    """Raise ConfigurationError for the `misspelled_variables`."""
    if problems := misspelled_variables(environ):
        raise ConfigurationError(problems)


def misspelled_variables(environ: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each variable that resembles a setting of any section that has been imported.

    A section checks its names when it is read. An optional section, such as that of DATABASE_URL, may not be read
    because its only variable is misspelled.
    """
    return [problem for section in Section.__subclasses__() for problem in section.misspelled_variables(environ)]


def secret_file_variables() -> list[str]:
    """Return the `…_FILE` variables of the secrets of all sections that have been imported."""
    return sorted(
        f"{section.variable(field)}_FILE"
        for section in Section.__subclasses__()
        for field in section.model_fields
        if section.is_secret(field)
    )


@lru_cache(128)  # a start asks twice: when a section is read, and for all sections that may not be read
def _misspelled_variables(section: type[Section], names: frozenset[str]) -> tuple[Problem, ...]:
    variables = [section.variable(field) for field in section.model_fields]
    files = [f"{section.variable(field)}_FILE" for field in section.model_fields if section.is_secret(field)]
    unset = [variable for variable in (*variables, *files) if variable not in names]
    problems = []
    for name in sorted(names - {*variables, *files, *section.renamed}):
        setting = name.removesuffix("_FILE")
        if name != setting and setting in variables and "_" in setting:  # HOST_FILE may belong to another program
            found = "is not a setting, since only secrets are read from files"
            problems.append(Problem(name, found, f"Set {setting}"))
        elif match := nearest_setting(name, unset, section.prefix):
            problems.append(Problem(name, "is not a setting", f"The nearest setting is {match}"))
    return tuple(problems)


def _read_secret(variable: str, text: str) -> str:
    path = Path(text)
    shown = "" if may_be_secret(text) else f" ({resolve(path)})"
    try:
        return clean_value(read_file(path)[0].decode())
    except UnicodeDecodeError:
        found, remedy = "is not UTF-8 text", "Set it to a text file"
    except UnusableFile as error:
        found, remedy = str(error), "Set it to a readable file"
    except UnusableValue as error:
        found, remedy = str(error), error.remedy
    raise _unusable_file(variable, f"names a file that {found}{shown}", remedy)


def _unusable_file(variable: str, found: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(f"{variable}_FILE", found, remedy)])


def _contains(kind: Any, annotation: Any) -> bool:
    """Return whether a type is the kind, or is made of it."""
    return annotation is kind or any(_contains(kind, part) for part in get_args(annotation))
