"""What every tenant has, whatever plugins are loaded; the plugins' tables follow their declarations."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE source (
            uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            name text NOT NULL,
            provider text NOT NULL,
            source_type text NOT NULL,
            key text NOT NULL,
            credentials jsonb NOT NULL,
            data_source jsonb NOT NULL DEFAULT '{}',
            paused boolean NOT NULL DEFAULT false,
            created timestamptz NOT NULL DEFAULT now(),
            updated timestamptz NOT NULL DEFAULT now(),
            last_payload timestamptz,
            last_polling timestamptz,
            download_state jsonb NOT NULL DEFAULT '{}',
            UNIQUE (provider, key)
        );
        CREATE TABLE report (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            provider text NOT NULL,
            source_key text NOT NULL,
            source_uuid uuid REFERENCES source ON DELETE CASCADE,
            delivery text NOT NULL,
            state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'running', 'done', 'failed')),
            expected text[] NOT NULL,
            made timestamptz,
            starts timestamptz,
            ends timestamptz,
            details jsonb NOT NULL DEFAULT '{}',
            months date[] NOT NULL DEFAULT '{}',
            counts jsonb NOT NULL DEFAULT '[]',
            warnings jsonb NOT NULL DEFAULT '[]',
            error text,
            received timestamptz NOT NULL DEFAULT clock_timestamp(),
            started timestamptz,
            finished timestamptz,
            UNIQUE (provider, source_key, delivery)
        );
        CREATE INDEX report_source ON report (source_uuid, id DESC);
        CREATE TABLE report_file (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            report_id bigint NOT NULL REFERENCES report ON DELETE CASCADE,
            kept text NOT NULL,
            digest text NOT NULL,
            size bigint NOT NULL,
            present text[] NOT NULL,
            received timestamptz NOT NULL DEFAULT clock_timestamp(),
            UNIQUE (report_id, digest)
        );
        CREATE TABLE published_month (
            source_uuid uuid NOT NULL REFERENCES source ON DELETE CASCADE,
            month date NOT NULL,
            summarized timestamptz,
            costed timestamptz,
            PRIMARY KEY (source_uuid, month)
        );
        CREATE TABLE version (name text PRIMARY KEY, value bigint NOT NULL);
        CREATE TABLE setting (name text PRIMARY KEY, value jsonb NOT NULL);
        CREATE TABLE tag_key (
            uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            family text NOT NULL,
            key text NOT NULL,
            enabled boolean NOT NULL DEFAULT false,
            UNIQUE (family, key)
        );
        CREATE TABLE tag_mapping (
            child uuid PRIMARY KEY REFERENCES tag_key ON DELETE CASCADE,
            parent uuid NOT NULL REFERENCES tag_key ON DELETE CASCADE
        );
        CREATE TABLE cost_group (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL UNIQUE,
            description text NOT NULL DEFAULT '',
            built_in boolean NOT NULL DEFAULT false
        );
        CREATE TABLE cost_group_pattern (
            pattern text PRIMARY KEY,
            cost_group_id bigint NOT NULL REFERENCES cost_group ON DELETE CASCADE,
            built_in boolean NOT NULL DEFAULT false
        );
        CREATE TABLE cost_model (
            uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL,
            description text NOT NULL DEFAULT '',
            family text NOT NULL,
            currency text NOT NULL,
            markup jsonb NOT NULL DEFAULT '{}',
            distribution jsonb NOT NULL DEFAULT '{}',
            created timestamptz NOT NULL DEFAULT now(),
            updated timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE cost_model_source (
            source_uuid uuid PRIMARY KEY REFERENCES source ON DELETE CASCADE,
            cost_model_uuid uuid NOT NULL REFERENCES cost_model ON DELETE CASCADE
        );
        CREATE INDEX cost_model_source_model ON cost_model_source (cost_model_uuid);
        CREATE TABLE price_list (
            uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL,
            description text NOT NULL DEFAULT '',
            currency text NOT NULL,
            starts date NOT NULL,
            ends date NOT NULL,
            enabled boolean NOT NULL DEFAULT true,
            version int NOT NULL DEFAULT 1,
            rates jsonb NOT NULL DEFAULT '[]',
            created timestamptz NOT NULL DEFAULT now(),
            updated timestamptz NOT NULL DEFAULT now(),
            CHECK (starts <= ends)
        );
        CREATE TABLE cost_model_price_list (
            cost_model_uuid uuid NOT NULL REFERENCES cost_model ON DELETE CASCADE,
            price_list_uuid uuid NOT NULL REFERENCES price_list ON DELETE RESTRICT,
            priority int NOT NULL,
            PRIMARY KEY (cost_model_uuid, price_list_uuid)
        );
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE cost_model_price_list, price_list, cost_model_source, cost_model, cost_group_pattern, cost_group,
            tag_mapping, tag_key, setting, version, published_month, report_file, report, source
    """)
