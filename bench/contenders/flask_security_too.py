"""Flask-Security-Too: `auth_token_required` and `roles_required`, with its users in SQLite."""

from pathlib import Path

from flask import Flask
from flask_security import (
    Security,
    SQLAlchemyUserDatastore,
    auth_token_required,
    hash_password,
    roles_required,
)
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

from bench.contenders import KEY, PATH, Contender, view


def create(folder: Path) -> Contender:
    """Return the application."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=KEY,
        SECURITY_PASSWORD_SALT="146585145368132386173505678016728509634",
        SECURITY_PASSWORD_HASH="argon2",
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_TOKEN_MAX_AGE=3600,
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}/security.db",
    )
    db = SQLAlchemy(app)
    fsqla_v3.FsModels.set_db_info(db)
    role_class = type("Role", (db.Model, fsqla_v3.FsRoleMixin), {})
    user_class = type("User", (db.Model, fsqla_v3.FsUserMixin), {})
    store = SQLAlchemyUserDatastore(db, user_class, role_class)
    Security(app, store)
    with app.app_context():
        db.create_all()
        store.find_or_create_role(name="user")
        store.create_user(email="zoe@example.org", password=hash_password("the password of zoe"), roles=["user"])
        db.session.commit()
    app.get(PATH)(auth_token_required(roles_required("user")(view)))

    def issue() -> str:
        with app.app_context():
            user = store.find_user(email="zoe@example.org")
            return str(user.get_auth_token())

    return Contender(app, issue, header="Authentication-Token", scheme="")
