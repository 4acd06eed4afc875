"""Where and with which client the user of a session has logged in."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("latchkey_sessions", sa.Column("opened_at", sa.DateTime(timezone=True)))
    op.add_column("latchkey_sessions", sa.Column("address", sa.Text))
    op.add_column("latchkey_sessions", sa.Column("user_agent", sa.Text))


def downgrade() -> None:
    op.drop_column("latchkey_sessions", "user_agent")
    op.drop_column("latchkey_sessions", "address")
    op.drop_column("latchkey_sessions", "opened_at")
