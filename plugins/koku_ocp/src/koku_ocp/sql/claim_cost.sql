{# Charges each volume claim once a day; its rows (nodes that mount it, changes of its labels) share the price by their part of its capacity. #}
WITH prices AS (
    SELECT usage_start, cost_type, metric, rate_name, sum(value) AS value
    FROM {{ rates }}
    WHERE {{ m.in_array('metric' | sql, metrics.keys() | list) }} AND tier_from = 0
    GROUP BY 1, 2, 3, 4
),
claims AS (
    SELECT
        u.usage_row,
        u.usage_start,
        u.persistentvolumeclaim_capacity_gigabyte_months AS part,
        sum(u.persistentvolumeclaim_capacity_gigabyte_months) OVER (
            PARTITION BY u.usage_start, u.namespace, u.persistentvolumeclaim
        ) AS whole
    FROM {{ usage }} AS u
    WHERE u.namespace IS NOT NULL AND u.data_source = 'Storage' AND u.persistentvolumeclaim IS NOT NULL
        AND u.persistentvolumeclaim_capacity_gigabyte_months <> 0
)
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
