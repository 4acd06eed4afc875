"""Sessions and revocations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "latchkey_sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("spent_hash", sa.Text),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("idp", sa.Text, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("username_folded", sa.Text, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_latchkey_sessions"),
    )
    op.create_index("ix_latchkey_sessions_username_folded", "latchkey_sessions", ["username_folded"])
    op.create_index("ix_latchkey_sessions_expires_at", "latchkey_sessions", ["expires_at"])
    op.create_table(
        "latchkey_revocations",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("idp", sa.Text),
        sa.Column("username_folded", sa.Text),
        sa.Column("issued_before", sa.DateTime(timezone=True)),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_latchkey_revocations"),
        sa.CheckConstraint(
            "(ended IS NULL) <> (issued_before IS NULL)", name=op.f("ck_latchkey_revocations_ended_or_issued_before")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_latchkey_revocations_expires_at", "latchkey_revocations", ["expires_at"])


def downgrade() -> None:
    op.drop_table("latchkey_revocations")
    op.drop_table("latchkey_sessions")
