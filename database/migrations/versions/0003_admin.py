"""Audit events, the time of the last login, and an index of disabled users."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    disabled = sa.column("active", sa.Boolean).is_(False)
    op.create_index(
        "ix_latchkey_users_disabled",
        "latchkey_users",
        ["username_folded"],
        sqlite_where=disabled,
        postgresql_where=disabled,
    )
    op.create_table(
        "latchkey_audit_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("username_folded", sa.Text),
        sa.Column("details", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_latchkey_audit_events"),
    )
    op.create_index("ix_latchkey_audit_events_username_folded", "latchkey_audit_events", ["username_folded"])
    # Last: it locks the table until the transaction ends, and creating the index takes long.
    op.add_column("latchkey_users", sa.Column("last_login_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_table("latchkey_audit_events")
    op.drop_index("ix_latchkey_users_disabled", "latchkey_users")
    op.drop_column("latchkey_users", "last_login_at")
