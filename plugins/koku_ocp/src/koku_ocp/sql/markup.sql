{# Markup on infrastructure cost alone, as rows of its own beside the rows that carry the cost. #}
SELECT
    u.usage_row,
    'Markup' AS rate_name,
    'markup' AS metric,
    u.raw_currency,
    coalesce(u.infrastructure_raw_cost, 0) * {{ markup }} / 100 AS infrastructure_markup_cost,
    coalesce(u.infrastructure_project_raw_cost, 0) * {{ markup }} / 100 AS infrastructure_project_markup_cost
FROM {{ usage }} AS u
WHERE u.infrastructure_raw_cost <> 0 OR u.infrastructure_project_raw_cost <> 0
