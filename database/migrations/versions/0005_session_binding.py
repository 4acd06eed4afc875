"""The record and the credential that a session belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("latchkey_sessions", sa.Column("record_id", sa.Text))
    op.add_column("latchkey_sessions", sa.Column("credential_stamp", sa.Text))


def downgrade() -> None:
    op.drop_column("latchkey_sessions", "credential_stamp")
    op.drop_column("latchkey_sessions", "record_id")
