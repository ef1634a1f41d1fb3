{# Prices what is measured: each usage row's quantities, one row for each rate. `quantity` and `into` of a metric say what and where. #}
{% set rows = 'quantities' | sql %}
{% macro paid(metric, price) %}{{ price }} * u.{{ metric.quantity | ident }}{% endmacro %}
WITH {% include 'quantities.sql' %},
{% include 'tiers.sql' %},
costs AS (
    SELECT
        u.usage_row,
        p.cost_type,
        p.rate_name,
        p.metric,
        CASE p.metric{% for name, metric in metrics.items() %} WHEN {{ name }} THEN {{ paid(metric, 'p.value' | sql) }}{% endfor %} END AS cost
    FROM quantities AS u
    JOIN prices AS p ON p.usage_start = u.usage_start
)
SELECT
    usage_row,
    cost_type AS cost_model_rate_type,
    rate_name,
    metric,
    {% include 'cost_columns.sql' %}
FROM costs
WHERE cost IS NOT NULL
