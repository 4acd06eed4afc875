"""The ids of the users of audit events."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("latchkey_audit_events", sa.Column("user_id", sa.Integer))
    # The events of the users who exist, except those under a former name, and those of an earlier user of the name.
    op.execute(
        """
        UPDATE latchkey_audit_events SET user_id = users.id FROM latchkey_users AS users
        WHERE users.username_folded = latchkey_audit_events.username_folded AND NOT EXISTS (
          SELECT 1 FROM latchkey_audit_events AS later
          WHERE later.username_folded = latchkey_audit_events.username_folded AND (
            later.action = 'user_deleted' AND later.id >= latchkey_audit_events.id
            OR later.action IN ('user_added', 'user_renamed') AND later.id > latchkey_audit_events.id))
        """
    )


def downgrade() -> None:
    op.drop_column("latchkey_audit_events", "user_id")
