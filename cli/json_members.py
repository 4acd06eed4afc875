"""The members of what each command prints with `--json`, for its help. A test compares them with the output."""

import click

_USER = "id, username, email, roles, active, created_at, updated_at, last_login_at"
_EVENT = "at, operator, action, username_folded, details, user_id, request_id, current_username"
_TOKEN = "id, name, roles, subject, operator, created_at, expires_at"  # noqa: S105 - not a token
_SESSION = "id, client, address, user_agent, created_at, refreshed_at, expires_at"
_IDENTITY = "username, email, roles, idp"
_CHANGE = "username, provider, outcome, gains, loses, matched_by, other_username, reason, note"

JSON_MEMBERS = {
    "users add": f"{_USER}; with --generate also password",
    "users set-password": f"{_USER}; with --generate also password",
    "users add-role": _USER,
    "users remove-role": _USER,
    "users roles": "[role, users, active, first_usernames]",
    "users change-roles": "selected, changes [username, added, removed], dry_run",
    "users disable": _USER,
    "users enable": _USER,
    "users update": _USER,
    "users delete": f"{_USER}, deleted",
    "users hash": "password_hash",
    "users list": f"[{_USER}]",
    "users show": f"{_USER}, password (scheme, parameters, status), history [{_EVENT}]",
    "users history": f"[{_EVENT}]",
    "users import": "accepted, weak, no_password, rejected, existing, different, reasons [reason, kind, rows, first], "
    "rows [position, kind, reason, other], ignored, groups, unresolved_members, imported, dry_run, rejected_file",
    "users reset": "username, code, expires_at",
    "users hash-report": "[scheme, parameters, status, users, active, example]",
    "keys list": "[key, algorithm, state, since, removable_at]",
    "tokens issue": f"{_TOKEN}, token",
    "tokens list": f"[{_TOKEN}]; with --user [{_SESSION}, provider]",
    "tokens revoke": f"of a service token {_TOKEN}; of a session {_SESSION}, username; otherwise ended",
    "throttle list": "[counter, name, from, count, limit, refused, seconds]",
    "database check": "revision, required, compatible, problems",
    "database prune": "dry_run, rows, with the number of each table",
    "database copy": "rows, with the number of each table",
    "providers list": "providers [name, in_use, factory, package]",
    "providers check": "provider, rules [step, outcome, found, remedy, seconds]",
    "guards": "routes [methods, path, needs, view, other_checks], warnings",
    "explain": f"user ({_IDENTITY}), reason, "
    "providers [provider, outcome, error, user, reason, record, groups, rules], "
    f"claims, routes [methods, path, needs, allowed]; with --compare-with also compared_with ({_CHANGE}); with --all "
    f"compared_with, counts (same, changed, locked_out), users [{_CHANGE}]",
    "doctor": "checks [step, outcome, found, remedy, seconds], worst, first_steps",
}
"""By the names of the command. `[…]` is an array of objects with these members, and `(…)` is one object."""


def describe_json(command: click.Command, path: str) -> None:
    """Add the members to the help of the option `--json`. `users export` writes the members that an import reads."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name == "as_json" and path in JSON_MEMBERS:
            parameter.help = f"Print JSON: {JSON_MEMBERS[path]}."
