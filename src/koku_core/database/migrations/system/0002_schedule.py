"""What runs by the clock, who asked for a job, how long its steps took, and figures that are counted across processes."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE job
            ADD COLUMN request_id text,
            ADD COLUMN timings jsonb NOT NULL DEFAULT '{}',
            -- what it is about was deleted while it ran: nothing of it is kept once it has ended
            ADD COLUMN forget boolean NOT NULL DEFAULT false;
        -- when a tenant last had a turn
        CREATE INDEX job_turn ON job (tenant, started) WHERE started IS NOT NULL;
        CREATE TABLE schedule (
            tenant text NOT NULL,
            what text NOT NULL,
            due timestamptz NOT NULL,
            failures int NOT NULL DEFAULT 0,
            PRIMARY KEY (tenant, what)
        );
        CREATE TABLE counter (
            name text NOT NULL,
            labels jsonb NOT NULL,
            value double precision NOT NULL,
            PRIMARY KEY (name, labels)
        );
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE counter, schedule;
        DROP INDEX job_turn;
        ALTER TABLE job DROP COLUMN forget, DROP COLUMN timings, DROP COLUMN request_id;
    """)
