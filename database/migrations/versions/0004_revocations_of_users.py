"""An index of the revocations of users, each of which replaces the older ones of its user."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    of_a_user = sa.column("username_folded").is_not(None)
    op.create_index(
        "ix_latchkey_revocations_username_folded",
        "latchkey_revocations",
        ["username_folded"],
        sqlite_where=of_a_user,
        postgresql_where=of_a_user,
    )


def downgrade() -> None:
    op.drop_index("ix_latchkey_revocations_username_folded", "latchkey_revocations")
