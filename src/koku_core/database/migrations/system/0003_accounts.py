"""Accounts of operators and scripts that reach the API without a gateway, and the tokens that they work with."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE account (
            name text PRIMARY KEY,
            tenant text NOT NULL REFERENCES tenant (name) ON DELETE CASCADE,
            role text NOT NULL,
            salt bytea NOT NULL,
            hash bytea NOT NULL,
            created timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        CREATE TABLE account_token (
            digest bytea PRIMARY KEY,
            account text NOT NULL REFERENCES account (name) ON DELETE CASCADE,
            expires timestamptz
        );
        CREATE INDEX account_token_account ON account_token (account);
    """)


def downgrade() -> None:
    op.execute("DROP TABLE account_token, account")
