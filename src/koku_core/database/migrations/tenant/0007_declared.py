"""What a provider declared when a month was summarized: a later version that declares more makes it from the lake."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE published_month ADD COLUMN declared text")


def downgrade() -> None:
    op.execute("ALTER TABLE published_month DROP COLUMN declared")
