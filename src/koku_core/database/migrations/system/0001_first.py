"""What all tenants share."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE tenant (
            name text PRIMARY KEY,
            account_number text,
            created timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE job (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant text NOT NULL,
            kind text NOT NULL,
            key text NOT NULL,
            source_uuid uuid,
            arguments jsonb NOT NULL DEFAULT '{}',
            state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
            progress jsonb NOT NULL DEFAULT '{}',
            error text,
            attempts int NOT NULL DEFAULT 0,
            cancel_asked boolean NOT NULL DEFAULT false,
            run_after timestamptz NOT NULL DEFAULT clock_timestamp(),
            created timestamptz NOT NULL DEFAULT clock_timestamp(),
            started timestamptz,
            finished timestamptz
        );
        -- one waiting job for each thing to do: a second wish for the same joins the first
        CREATE UNIQUE INDEX job_waiting ON job (tenant, kind, key) WHERE state = 'waiting';
        CREATE INDEX job_open ON job (run_after, id) WHERE state IN ('waiting', 'running');
        CREATE INDEX job_tenant ON job (tenant, id DESC);
        CREATE TABLE exchange_rate (
            base text NOT NULL,
            target text NOT NULL,
            month date NOT NULL,
            rate numeric(33, 15) NOT NULL CHECK (rate > 0),
            PRIMARY KEY (base, target, month)
        );
        -- files of the lake that no live snapshot names, and since when that is known
        CREATE TABLE lake_garbage (
            path text PRIMARY KEY,
            since timestamptz NOT NULL DEFAULT clock_timestamp()
        );
    """)


def downgrade() -> None:
    op.execute("DROP TABLE lake_garbage, exchange_rate, job, tenant")
