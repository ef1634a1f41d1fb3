"""Requests to ingest files that somebody names (`ingress/reports/`)."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE named_report (
            uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            source_uuid uuid NOT NULL REFERENCES source ON DELETE CASCADE,
            files text[] NOT NULL,
            month date NOT NULL,
            job bigint,
            created timestamptz NOT NULL DEFAULT clock_timestamp(),
            completed timestamptz
        );
        CREATE INDEX named_report_source ON named_report (source_uuid, id DESC);
    """)


def downgrade() -> None:
    op.execute("DROP TABLE named_report")
