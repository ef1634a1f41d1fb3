{# Charges each labelled volume claim once a day, by the price of its value; its rows (nodes that mount it, changes of its labels) have their part
   of its capacity of it. #}
WITH {% include 'tag_prices.sql' %},
{% include 'claims.sql' %},
labelled AS (
    SELECT
        u.usage_row, u.part, u.whole, p.rate_name, p.metric, p.cost_type,
        coalesce(cast(p.by_value ->> (u.volume_labels ->> p.tag_key) AS numeric), p.by_default) AS price
    FROM claims AS u
    JOIN prices AS p ON p.usage_start = u.usage_start AND u.volume_labels ->> p.tag_key IS NOT NULL
    WHERE u.whole <> 0
)
SELECT
    usage_row,
    rate_name,
    metric,
    cost_type AS cost_model_rate_type,
    CASE metric {% for name, metric in metrics.items() %}WHEN {{ name }} THEN {{ metric.monthly_cost_type }} {% endfor %}END AS monthly_cost_type,
    part * price / (whole * {{ days_in_month }}) AS cost_model_volume_cost
FROM labelled
WHERE price IS NOT NULL
