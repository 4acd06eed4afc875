"""The commands and the code of the documentation pages do what the pages show."""

import json
from pathlib import Path

import pytest

from app import create_app
from services.jwt_handler import generate_jwt
from tests.docs.examples import comparable, displayed, examples, outputs, pages
from tests.support.newcomer import blocks
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE


@pytest.mark.parametrize("page", pages())
def test_commands_print_what_the_page_shows(page: str) -> None:
    for example, output in zip(examples(page), outputs(page), strict=True):
        if example.output is not None:
            shown = comparable(displayed(output, example.language))
            update = f"after a review, run: .venv/bin/python -m tests.docs.examples {page}"
            assert shown == comparable(example.output), update


def test_guarded_view_responds_as_the_page_shows(tmp_path: Path) -> None:
    page = "docs/guarding-routes.md"
    app = create_app({"SECRET_KEY": SECRET_KEY, **users_file(tmp_path / "users.toml", [ZOE])})
    module: dict[str, object] = {}
    exec(blocks(page, "python")[0], module)  # noqa: S102 - the code of this project's own documentation
    module["init"](app)  # type: ignore[operator]  # what the page defines
    with app.app_context():
        token = generate_jwt({"username": "admin", "roles": ["admin"]})
    client = app.test_client()
    responses = [client.get("/api/orders", headers={"Authorization": f"Bearer {token}"}), client.get("/api/orders")]
    assert [response.json for response in responses] == [json.loads(text) for text in blocks(page, "json")]
    assert client.get("/api/prices").status_code == 200
