"""Four example routes with different role requirements. Write your own routes in the same way."""

from flask import Flask, Response, jsonify

from services.auth_guard import auth_guard


def init(app: Flask) -> None:
    @app.route("/api/protected_route")
    @auth_guard()
    def protected_route() -> Response:
        return jsonify({"message": "You have accessed a protected route.", "status": 200})

    @app.route("/api/protected_route_user")
    @auth_guard("user")
    def protected_route_user() -> Response:
        return jsonify({"message": "You have accessed a user protected route.", "status": 200})

    @app.route("/api/protected_route_admin")
    @auth_guard("admin")
    def protected_route_admin() -> Response:
        return jsonify({"message": "You have accessed a admin protected route.", "status": 200})

    @app.route("/api/protected_route_super_admin")
    @auth_guard("super_admin")
    def protected_route_super_admin() -> Response:
        return jsonify({"message": "You are a SUPER ADMIN!", "status": 200})
