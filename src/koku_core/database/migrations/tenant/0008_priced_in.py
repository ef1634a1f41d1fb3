"""The currency that a month is priced in: that of its cost model then, whatever the model has become until the month is priced anew."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE published_month ADD COLUMN priced_in text")
    op.execute(
        """UPDATE published_month p SET priced_in = m.currency
           FROM cost_model_source s JOIN cost_model m ON m.uuid = s.cost_model_uuid WHERE s.source_uuid = p.source_uuid"""
    )


def downgrade() -> None:
    op.execute("ALTER TABLE published_month DROP COLUMN priced_in")
