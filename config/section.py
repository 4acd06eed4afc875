"""A section of settings: typed fields, each read from one environment variable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from config.errors import ConfigurationError, Problem, validation_message
from config.files import UnusableFile, read_file
from config.misspellings import nearest_setting
from config.values import UnusableValue, clean_value


class Section(BaseModel):
    """Settings that belong together. The variable of a field is `prefix` + its name, in capitals.

    An error shows "Set it to " followed by the description of the field. A validator raises ValueError with a text
    that follows the name of the variable, such as "must be at least 32 bytes long".
    A `SecretStr` field can be read from a file instead: the variable with `_FILE` appended names the file.
    An empty variable counts as not set. `clean_value` defines which texts are refused as values of any setting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

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
        return _holds_secrets(cls.model_fields[field].annotation)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Return the section in `environ`. Raises ConfigurationError with all problems of the section."""
        values, problems = {}, {}
        for field in cls.model_fields:
            try:
                values[field] = cls._value(field, environ)
            except ConfigurationError as error:
                (problems[field],) = error.problems
        try:
            section = cls.model_validate({field: value for field, value in values.items() if value})
        except ValidationError as error:
            for fault in error.errors(include_input=False, include_url=False):
                field = str(fault["loc"][0])
                problems.setdefault(field, cls._problem(field, fault))
        found = [*problems.values(), *cls._renamed_variables(environ), *cls.misspelled_variables(environ)]
        if found:
            raise ConfigurationError(found)
        return section

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
        return _read_secret(variable, Path(path))

    @classmethod
    def _text(cls, variable: str, environ: Mapping[str, str]) -> str | None:
        try:
            return clean_value(environ[variable]) if variable in environ else None
        except UnusableValue as error:
            raise ConfigurationError([Problem(variable, str(error), error.remedy)]) from None

    @classmethod
    def _problem(cls, field: str, fault: Any) -> Problem:
        # Show the position of an invalid list item. Do not show the key of a JSON object, because a key is part of the
        # value.
        positions = [part for part in fault["loc"][1:2] if isinstance(part, int)]
        subject = ", ".join([cls.variable(field), *(f"value {position + 1}" for position in positions)])
        found = "is not set" if fault["type"] == "missing" else validation_message(fault)
        return Problem(subject, found, cls.remedy(field))

    @classmethod
    def remedy(cls, field: str) -> str:
        """Return what to do if the field is not set or invalid: a sentence without its period."""
        return f"Set it to {cls.model_fields[field].description}"

    @classmethod
    def _renamed_variables(cls, environ: Mapping[str, str]) -> list[Problem]:
        old_names = [old for old in cls.renamed if environ.get(old)]
        return [Problem(old, f"is now called {cls.renamed[old]}", f"Set {cls.renamed[old]}") for old in old_names]

    @classmethod
    def misspelled_variables(cls, environ: Mapping[str, str]) -> list[Problem]:
        """Return a problem for each unknown variable whose name resembles an unset setting of this section.

        Without this check a misspelled variable would be ignored silently.
        """
        variables = [cls.variable(field) for field in cls.model_fields]
        variables += [f"{cls.variable(field)}_FILE" for field in cls.model_fields if cls.is_secret(field)]
        unset = [variable for variable in variables if variable not in environ]
        unknown = sorted(set(environ) - {*variables, *cls.renamed})
        nearest = {name: nearest_setting(name, unset, cls.prefix) for name in unknown}
        return [
            Problem(name, "is not a setting", f"The nearest setting is {match}")
            for name, match in nearest.items()
            if match
        ]


def require_known_variables(environ: Mapping[str, str]) -> None:
    """Raise ConfigurationError for variables that resemble a setting of any section that has been imported.

    A section checks its names when it is read. An optional section, such as that of DATABASE_URL, may not be read
    because its only variable is misspelled.
    """
    problems = [problem for section in Section.__subclasses__() for problem in section.misspelled_variables(environ)]
    if problems:
        raise ConfigurationError(problems)


def secret_file_variables() -> list[str]:
    """Return the `…_FILE` variables of the secrets of all sections that have been imported."""
    return sorted(
        f"{section.variable(field)}_FILE"
        for section in Section.__subclasses__()
        for field in section.model_fields
        if section.is_secret(field)
    )


def _read_secret(variable: str, path: Path) -> str:
    try:
        return clean_value(read_file(path)[0].decode())
    except UnicodeDecodeError:
        raise _unusable_file(variable, "names a file that is not UTF-8 text", "Set it to a text file") from None
    except UnusableFile as error:
        raise _unusable_file(variable, f"names a file that {error}", "Set it to a readable file") from None
    except UnusableValue as error:
        raise _unusable_file(variable, f"names a file that {error}", error.remedy) from None


def _unusable_file(variable: str, found: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(f"{variable}_FILE", found, remedy)])


def _holds_secrets(kind: Any) -> bool:
    return kind is SecretStr or any(map(_holds_secrets, get_args(kind)))
