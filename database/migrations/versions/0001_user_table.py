"""The user table and roles."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "latchkey_users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("username_folded", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("email_folded", sa.Text),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_latchkey_users"),
        sa.UniqueConstraint("username_folded", name="uq_latchkey_users_username_folded"),
        sa.UniqueConstraint("email_folded", name="uq_latchkey_users_email_folded"),
        sa.CheckConstraint("username <> ''", name=op.f("ck_latchkey_users_username_not_empty")),
        sa.CheckConstraint("email <> ''", name=op.f("ck_latchkey_users_email_not_empty")),
        sa.CheckConstraint(
            "(email IS NULL) = (email_folded IS NULL)", name=op.f("ck_latchkey_users_email_and_folded_agree")
        ),
    )
    op.create_table(
        "latchkey_roles",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_latchkey_roles"),
        sa.UniqueConstraint("name", name="uq_latchkey_roles_name"),
        sa.CheckConstraint("name <> ''", name=op.f("ck_latchkey_roles_name_not_empty")),
    )
    op.create_table(
        "latchkey_user_roles",
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("role_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_latchkey_user_roles"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["latchkey_users.id"], name="fk_latchkey_user_roles_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["latchkey_roles.id"], name="fk_latchkey_user_roles_role_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_latchkey_user_roles_role_id", "latchkey_user_roles", ["role_id"])


def downgrade() -> None:
    op.drop_table("latchkey_user_roles")
    op.drop_table("latchkey_roles")
    op.drop_table("latchkey_users")
