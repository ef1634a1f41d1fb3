"""The order in which tag keys came, and exchange rates that somebody has set."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE tag_key ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
        CREATE TABLE static_rate (
            uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            base text NOT NULL,
            target text NOT NULL,
            rate numeric(33, 15) NOT NULL CHECK (rate > 0),
            starts date NOT NULL,
            ends date NOT NULL,
            created timestamptz NOT NULL DEFAULT clock_timestamp(),
            updated timestamptz NOT NULL DEFAULT clock_timestamp(),
            CHECK (starts <= ends AND base <> target)
        );
        -- the rate of each month: a month that is over keeps its own, whatever becomes of the record that it came from
        CREATE TABLE static_rate_month (
            base text NOT NULL,
            target text NOT NULL,
            month date NOT NULL,
            rate numeric(33, 15) NOT NULL CHECK (rate > 0),
            PRIMARY KEY (base, target, month)
        );
    """)


def downgrade() -> None:
    op.execute("DROP TABLE static_rate_month, static_rate; ALTER TABLE tag_key DROP COLUMN id")
