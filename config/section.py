"""A section of settings: typed fields, each read from the variable that bears its name."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from config.errors import ConfigurationError, midsentence


class Section(BaseModel):
    """Settings that belong together. The variable of a field is `prefix` + its name, in capitals.

    Every field has a description that completes the sentence "Write …"; it is shown when the
    value cannot be used. A `SecretStr` field may instead be given as a file, named by the
    variable with `_FILE` after it. A variable that is set to nothing counts as not set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    prefix: ClassVar[str] = ""

    @classmethod
    def variable(cls, field: str) -> str:
        """Return the name of the variable that the field is read from."""
        return f"{cls.prefix}{field}".upper()

    @classmethod
    def is_secret(cls, field: str) -> bool:
        """Say whether the field is never to be shown, and may be given as a file."""
        return _holds_secrets(cls.model_fields[field].annotation)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Return the section as `environ` has it; ConfigurationError lists all that is wrong."""
        values, problems = {}, {}
        for field in cls.model_fields:
            try:
                values[field] = cls._value(field, environ)
            except ValueError as error:
                problems[field] = f"{cls.variable(field)}_FILE {error}"
        try:
            section = cls.model_validate({field: value for field, value in values.items() if value})
        except ValidationError as error:
            for fault in error.errors(include_input=False, include_url=False, include_context=False):
                field = str(fault["loc"][0])
                problems.setdefault(field, cls._explain(field, fault["type"], fault["msg"]))
        lines = [*problems.values(), *cls._misspelt(environ)]
        if lines:
            raise ConfigurationError(lines)
        return section

    @classmethod
    def _value(cls, field: str, environ: Mapping[str, str]) -> str | None:
        variable = cls.variable(field)
        value, path = environ.get(variable), environ.get(f"{variable}_FILE")
        if not cls.is_secret(field):
            return value.strip() if value else value
        if not path:
            return value
        if value:
            raise ValueError(f"is set, and so is {variable}. Write only one of them.")
        try:
            # Editors and `echo` end a file with a newline that is no part of the secret.
            return Path(path).read_text("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError("cannot be read: it is not UTF-8 text. Write the path of a text file.") from None
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}. Write the path of a readable file.") from None

    @classmethod
    def _explain(cls, field: str, kind: str, message: str) -> str:
        wrong = "is not set" if kind == "missing" else f"cannot be used: {midsentence(message)}"
        return f"{cls.variable(field)} {wrong}. Write {cls.model_fields[field].description}."

    @classmethod
    def _misspelt(cls, environ: Mapping[str, str]) -> list[str]:
        """Find variables that nearly name an unset setting, which would else be passed over in silence."""
        known = {cls.variable(field) for field in cls.model_fields}
        known |= {f"{cls.variable(field)}_FILE" for field in cls.model_fields if cls.is_secret(field)}
        unset = [variable for field in cls.model_fields if (variable := cls.variable(field)) not in environ]
        strangers = [name for name in environ if cls.prefix and name.startswith(cls.prefix) and name not in known]
        near = {name: _nearest(name.removesuffix("_FILE"), unset) for name in sorted(strangers)}
        return [f"{name} is no setting of ours. Write {match}." for name, match in near.items() if match]


def _holds_secrets(kind: Any) -> bool:
    return kind is SecretStr or any(map(_holds_secrets, get_args(kind)))


def _nearest(name: str, settings: list[str]) -> str | None:
    begun = [setting for setting in settings if setting.startswith(f"{name}_")]
    return next(iter([*begun, *get_close_matches(name, settings, n=1, cutoff=0.85)]), None)
