"""Applications that users of docs/migrating/ come from, made with the real libraries."""

from pathlib import Path

TUTORIAL = {
    "app.py": """
from flask import Flask
from api import auth, routes

app = Flask(__name__)
auth.init(app)
routes.init(app)
""",
    "services/jwt_handler.py": """
import os
from datetime import datetime, timedelta, timezone
import jwt

def generate_jwt(payload, lifetime=None):
    if lifetime:
        payload["exp"] = datetime.now(timezone.utc) + timedelta(minutes=lifetime)
    return jwt.encode(payload, os.environ["SECRET_KEY"], algorithm="HS256")

def decode_jwt(token):
    return jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])
""",
    "services/auth_provider.py": """
USERS = {"ana@example.org": ("correct horse battery staple", ["user", "admin"])}

def authenticate(email, password):
    expected, roles = USERS.get(email, (None, []))
    if password != expected:
        return False
    return {"id": 7, "name": "Ana", "email": email, "roles": roles}
""",
    "services/auth_guard.py": """
from functools import wraps
from flask import jsonify, request
from services.jwt_handler import decode_jwt

def check_jwt():
    header = request.headers.get("Authorization")
    if not header:
        raise Exception("Missing access token")
    try:
        return decode_jwt(header.split("Bearer ")[1])
    except Exception as error:
        raise Exception(f"Invalid access token: {error}")

def auth_guard(role=None):
    def wrapper(view):
        @wraps(view)
        def guarded(*args, **kwargs):
            try:
                user = check_jwt()
            except Exception as error:
                return jsonify({"message": str(error), "status": 401}), 401
            if role and role not in user["roles"]:
                return jsonify({"message": "Authorization required.", "status": 403}), 403
            return view(*args, **kwargs)
        return guarded
    return wrapper
""",
    "api/auth.py": """
from flask import jsonify, request
from services.auth_provider import authenticate
from services.jwt_handler import generate_jwt

def init(app):
    @app.route("/api/auth", methods=["POST"])
    def auth():
        email, password = request.json.get("email"), request.json.get("password")
        if not email or not password:
            return jsonify({"message": "Email or password missing", "status": 400}), 400
        user = authenticate(email, password)
        if not user:
            return jsonify({"message": "Invalid credentials", "status": 400}), 400
        return jsonify({"data": generate_jwt(user, 60), "status": 200}), 200
""",
    "api/routes.py": """
from flask import jsonify
from services.auth_guard import auth_guard, check_jwt

def init(app):
    @app.route("/api/protected_route", methods=["GET"])
    @auth_guard()
    def protected_route():
        return jsonify({"message": f"Hello {check_jwt()['email']}", "status": 200}), 200

    @app.route("/api/protected_route_admin", methods=["GET"])
    @auth_guard("admin")
    def protected_route_admin():
        return jsonify({"message": "You are an administrator.", "status": 200}), 200

    @app.route("/api/protected_route_super_admin", methods=["GET"])
    @auth_guard("super_admin")
    def protected_route_super_admin():
        return jsonify({"message": "You are a super administrator.", "status": 200}), 200
""",
}
"""The files of the tutorial: its names and its HTTP contract."""

FLASK_APPBUILDER = {
    "shop.py": """
import os
from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{os.getcwd()}/shop.db"
app.config["SECRET_KEY"] = "the key of the cookies of the shop"
db = get_sqla_class()(app)
with app.app_context():
    appbuilder = AppBuilder(app, db.session)
""",
    "fill.py": """
from shop import app, appbuilder, db

with app.app_context():
    manager = appbuilder.sm
    editor, admin = manager.add_role("Editor"), manager.find_role("Admin")
    staff = manager.add_group("staff", "staff", "The staff", roles=[editor])
    password = "correct horse battery staple"
    manager.add_user("ana", "Ana", "A", "ana@example.org", [admin], password, groups=[staff])
    bob = manager.add_user("bob", "Bob", "B", "bob@example.org", [editor], password)
    bob.active = False
    manager.add_user("cid", "Cid", "C", "cid@example.org", [editor], hashed_password="x").password = None
    db.session.commit()
""",
}

DJANGO = {
    "manage.py": """
import os
import sys
from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "shop_settings"
execute_from_command_line(sys.argv)
""",
    "shop_settings.py": """
SECRET_KEY = "the key of the cookies of the shop"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
""",
    "fill.py": """
from django.contrib.auth.models import Group, User

password = "correct horse battery staple"
editors = Group.objects.create(name="editors")
ana = User.objects.create_superuser("ana", "ana@example.org", password)
ana.groups.add(editors)
User.objects.create_user("bob", "bob@example.org", password, is_active=False)
User.objects.create_user("cid", "cid@example.org").groups.add(editors)
""",
}


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write the files of an application to a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content.lstrip("\n"))
