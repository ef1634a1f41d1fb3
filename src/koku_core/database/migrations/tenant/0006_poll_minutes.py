"""How often a source is asked, where it is not as often as the others."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE source ADD COLUMN poll_minutes double precision CHECK (poll_minutes > 0)")


def downgrade() -> None:
    op.execute("ALTER TABLE source DROP COLUMN poll_minutes")
