{# Markup on each kind of cost, as rows of its own beside the rows that carry the cost. #}
SELECT
    u.usage_start,
    u.payer_account_id, u.usage_account_id, u.account_alias,
    u.organizational_unit_id, u.organizational_unit_name, u.organizational_unit_path,
    u.billing_entity, u.line_item_type, u.product_code, u.product_family, u.availability_zone, u.region,
    u.resource_id, u.instance_type, u.operating_system, u.vcpu, u.memory, u.unit, u.currency_code, u.tags, u.cost_category,
    u.unblended_cost * {{ markup }} / 100 AS markup_cost,
    u.blended_cost * {{ markup }} / 100 AS markup_cost_blended,
    u.savingsplan_effective_cost * {{ markup }} / 100 AS markup_cost_savingsplan,
    u.calculated_amortized_cost * {{ markup }} / 100 AS markup_cost_amortized
FROM {{ usage }} AS u
WHERE u.unblended_cost <> 0 OR u.blended_cost <> 0 OR u.savingsplan_effective_cost <> 0 OR u.calculated_amortized_cost <> 0
