{# Charges each virtual machine, or each of its cores, the day's part of a price for a month that its label has. #}
WITH {% include 'vm_months.sql' %},
{% include 'tag_prices.sql' %},
costs AS (
    SELECT
        u.usage_row,
        p.rate_name,
        p.metric,
        p.cost_type,
        coalesce(cast(p.by_value ->> (u.pod_labels ->> p.tag_key) AS numeric), p.by_default)
            * CASE p.metric{% for name, metric in metrics.items() %} WHEN {{ name }} THEN u.{{ metric.quantity | ident }}{% endfor %} END
            / {{ days_in_month }} AS cost
    FROM machines AS u
    JOIN prices AS p ON p.usage_start = u.usage_start AND u.pod_labels ->> p.tag_key IS NOT NULL
)
SELECT
    usage_row,
    rate_name,
    metric,
    cost_type AS cost_model_rate_type,
    'Tag' AS monthly_cost_type,
    cost AS cost_model_cpu_cost
FROM costs
WHERE cost IS NOT NULL
