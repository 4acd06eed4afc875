"""Validate the body or the query of a request with a model."""

from collections.abc import Mapping
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from api.body import InvalidRequest
from config.errors import validation_message

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], members: Mapping[str, object]) -> Model:
    """Return the members as a model. Raises InvalidRequest with a text that lists the faults, without values."""
    try:
        return model.model_validate(members)
    except ValidationError as error:
        faults = (_describe(model, fault) for fault in error.errors(include_input=False, include_url=False))
        raise InvalidRequest("; ".join(dict.fromkeys(faults))) from None


def query_parameters() -> dict[str, str]:
    """Return the parameters of the query. Raises InvalidRequest if one is repeated."""
    if any(len(values) > 1 for _, values in request.args.lists()):
        raise InvalidRequest("A parameter appears more than once")
    return request.args.to_dict()


def _describe(model: type[BaseModel], fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return f"only these names are allowed: {', '.join(model.model_fields)}"
    return f"{'.'.join(map(str, fault['loc']))} {validation_message(fault)}"
