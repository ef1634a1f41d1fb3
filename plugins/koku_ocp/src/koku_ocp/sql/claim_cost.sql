{# Charges each volume claim once a day; its rows (nodes that mount it, changes of its labels) share the price by their part of its capacity. #}
{% set rows = 'parts' | sql %}
{% macro paid(metric, price) %}u.part * {{ price }} / (u.whole * {{ days_in_month }}){% endmacro %}
WITH {% include 'claims.sql' %},
parts AS (
    SELECT * FROM claims WHERE whole <> 0
),
{% include 'tiers.sql' %}
SELECT
    u.usage_row,
    p.rate_name,
    p.metric,
    p.cost_type AS cost_model_rate_type,
    CASE p.metric {% for name, metric in metrics.items() %}WHEN {{ name }} THEN {{ metric.monthly_cost_type }} {% endfor %}END AS monthly_cost_type,
    {{ paid(none, 'p.value' | sql) }} AS cost_model_volume_cost
FROM parts AS u
JOIN prices AS p ON p.usage_start = u.usage_start
