"""Keys of labels beside the tags, such as cost categories."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE label_key (
            uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            family text NOT NULL,
            labels text NOT NULL,
            key text NOT NULL,
            enabled boolean NOT NULL DEFAULT true,
            UNIQUE (family, labels, key)
        );
    """)


def downgrade() -> None:
    op.execute("DROP TABLE label_key")
