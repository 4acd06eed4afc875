"""The requests of audit events."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("latchkey_audit_events", sa.Column("request_id", sa.Text))


def downgrade() -> None:
    op.drop_column("latchkey_audit_events", "request_id")
