"""Which price list holds the rates that were given with a cost model, and what the model's older field `distribution` says."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE price_list ADD COLUMN made_for uuid UNIQUE REFERENCES cost_model ON DELETE SET NULL;
        ALTER TABLE cost_model ADD COLUMN distribution_name text NOT NULL DEFAULT 'cpu';
    """)


def downgrade() -> None:
    op.execute("""
        ALTER TABLE cost_model DROP COLUMN distribution_name;
        ALTER TABLE price_list DROP COLUMN made_for;
    """)
