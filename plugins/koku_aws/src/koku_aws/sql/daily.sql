{# One row for each day, resource and set of enabled tags. Every line of a bill is in exactly one of them. #}
{% set amortized %}CASE WHEN i.line_item_type IN ('SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee')
    THEN i.savingsplan_effective_cost ELSE i.unblended_cost END{% endset %}
{% set service %}CASE WHEN i.billing_entity = 'AWS Marketplace' AND i.product_name <> '' THEN i.product_name ELSE i.product_code END{% endset %}
{# An account has one name and one unit on a day, whatever the data says: money must not count twice. #}
WITH accounts AS (
    SELECT usage_start, usage_account_id, account_alias, organizational_unit_id, organizational_unit_name, organizational_unit_path
    FROM (
        SELECT a.*, row_number() OVER (PARTITION BY usage_start, usage_account_id ORDER BY delivery, organizational_unit_path, organizational_unit_id, organizational_unit_name, account_alias) AS number
        FROM {{ datasets.aws_organization }} AS a
        WHERE usage_account_id <> ''
    ) AS numbered
    WHERE number = 1
),
enabled AS (
    SELECT array_agg(key) AS keys FROM {{ datasets.enabled_tag_keys }}
),
tag_sets AS (
    SELECT sets.tags, {{ m.labels_keep('sets.tags' | sql, 'enabled.keys' | sql) }} AS kept
    FROM (SELECT DISTINCT tags FROM {{ datasets.aws_line_items }}) AS sets
    CROSS JOIN enabled
),
line_items AS (
    SELECT
        i.*,
        {{ service }} AS service,
        {{ amortized }} AS amortized,
        CASE WHEN i.line_item_type = 'SavingsPlanNegation' THEN 0 ELSE i.usage_amount END AS used,
        t.kept,
        a.account_alias,
        a.organizational_unit_id,
        a.organizational_unit_name,
        a.organizational_unit_path
    FROM {{ datasets.aws_line_items }} AS i
    JOIN tag_sets AS t ON t.tags = i.tags
    LEFT JOIN accounts AS a ON a.usage_start = i.usage_start AND a.usage_account_id = i.usage_account_id
),
days AS (
    SELECT
        usage_start, payer_account_id, usage_account_id, account_alias, organizational_unit_id, organizational_unit_name,
        organizational_unit_path, billing_entity, line_item_type, service, product_family, availability_zone, region, resource_id,
        instance_type, operating_system, unit, currency_code, kept, cost_category,
        max(vcpu) AS vcpu,
        max(memory) AS memory,
        sum(used) AS usage_amount,
        sum(normalized_usage_amount) AS normalized_usage_amount,
        sum(unblended_cost) AS unblended_cost,
        sum(blended_cost) AS blended_cost,
        sum(savingsplan_effective_cost) AS savingsplan_effective_cost,
        sum(amortized) AS calculated_amortized_cost,
        sum(public_on_demand_cost) AS public_on_demand_cost
    FROM line_items
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20
)
SELECT
    usage_start,
    payer_account_id,
    usage_account_id,
    coalesce(nullif(account_alias, ''), usage_account_id) AS account_alias,
    nullif(organizational_unit_id, '') AS organizational_unit_id,
    nullif(organizational_unit_name, '') AS organizational_unit_name,
    nullif(organizational_unit_path, '') AS organizational_unit_path,
    billing_entity,
    line_item_type,
    service AS product_code,
    nullif(product_family, '') AS product_family,
    nullif(availability_zone, '') AS availability_zone,
    nullif(region, '') AS region,
    nullif(resource_id, '') AS resource_id,
    nullif(instance_type, '') AS instance_type,
    nullif(operating_system, '') AS operating_system,
    nullif(vcpu, '') AS vcpu,
    nullif(memory, '') AS memory,
    nullif(unit, '') AS unit,
    nullif(currency_code, '') AS currency_code,
    {{ m.labels_store('kept' | sql) }} AS tags,
    cost_category,
    usage_amount,
    normalized_usage_amount,
    unblended_cost,
    blended_cost,
    savingsplan_effective_cost,
    calculated_amortized_cost,
    public_on_demand_cost
FROM days
