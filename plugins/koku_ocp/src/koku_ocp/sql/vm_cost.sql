{# Charges each virtual machine, or each of its cores, the day's part of a price for a month. #}
{% set rows = 'machines' | sql %}
{% macro paid(metric, price) %}{{ price }} * u.{{ metric.quantity | ident }} / {{ days_in_month }}{% endmacro %}
WITH {% include 'vm_months.sql' %},
{% include 'tiers.sql' %},
costs AS (
    SELECT
        u.usage_row,
        p.rate_name,
        p.metric,
        p.cost_type,
        CASE p.metric{% for name, metric in metrics.items() %} WHEN {{ name }} THEN {{ paid(metric, 'p.value' | sql) }}{% endfor %} END AS cost
    FROM machines AS u
    JOIN prices AS p ON p.usage_start = u.usage_start
)
SELECT
    usage_row,
    rate_name,
    metric,
    cost_type AS cost_model_rate_type,
    CASE metric {% for name, metric in metrics.items() %}WHEN {{ name }} THEN {{ metric.monthly_cost_type }} {% endfor %}END AS monthly_cost_type,
    cost AS cost_model_cpu_cost
FROM costs
WHERE cost IS NOT NULL
