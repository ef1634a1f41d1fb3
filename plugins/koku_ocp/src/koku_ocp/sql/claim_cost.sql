{# Charges each volume claim once a day; its rows (nodes that mount it, changes of its labels) share the price by their part of its capacity. #}
WITH {% include 'monthly_prices.sql' %},
{% include 'claims.sql' %}
SELECT
    u.usage_row,
    p.rate_name,
    p.metric,
    p.cost_type AS cost_model_rate_type,
    CASE p.metric {% for name, metric in metrics.items() %}WHEN {{ name }} THEN {{ metric.monthly_cost_type }} {% endfor %}END AS monthly_cost_type,
    u.part * p.value / (u.whole * {{ days_in_month }}) AS cost_model_volume_cost
FROM claims AS u
JOIN prices AS p ON p.usage_start = u.usage_start
WHERE u.whole <> 0
