"""Flask-AppBuilder: a method of a `BaseApi` with `protect`, with its users and permissions in SQLite."""

from pathlib import Path

from flask import Flask, Response
from flask_appbuilder import AppBuilder
from flask_appbuilder.api import BaseApi, expose
from flask_appbuilder.security.decorators import protect
from flask_appbuilder.utils.legacy import get_sqla_class
from flask_jwt_extended import create_access_token

from bench.contenders import KEY, Contender, view


class Guarded(BaseApi):
    """The guarded route."""

    route_base = "/"

    @expose("/guarded")
    @protect()
    def guarded(self) -> Response:
        """Return the response."""
        response: Response = self.response(200, **view())
        return response


def create(folder: Path) -> Contender:
    """Return the application."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder}/appbuilder.db"
    app.config["SECRET_KEY"] = KEY
    db = get_sqla_class()(app)
    with app.app_context():
        builder = AppBuilder(app, db.session)
        builder.add_api(Guarded)
        admin = builder.sm.find_role("Admin")
        user_id = builder.sm.add_user("zoe", "Zoe", "Z", "zoe@example.org", [admin], "the password of zoe").id

    def issue() -> str:
        with app.app_context():
            return create_access_token(str(user_id), fresh=True)

    return Contender(app, issue)
