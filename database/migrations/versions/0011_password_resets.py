"""The hash of the one-time code with which a user sets a new password."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("latchkey_users", sa.Column("reset_code_hash", sa.Text))
    op.add_column("latchkey_users", sa.Column("reset_expires_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("latchkey_users", "reset_expires_at")
    op.drop_column("latchkey_users", "reset_code_hash")
