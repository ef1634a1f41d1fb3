{# Prices what is measured: each usage row's quantities, one row for each rate. `quantity` and `into` of a metric say what and where. #}
WITH {% include 'quantities.sql' %},
{% if tiered %}
{# A tier is filled by the whole source's quantity of the month, day by day; within a day every row pays the day's mixture. #}
amounts AS (
    SELECT a.usage_start, a.metric, a.total, sum(a.total) OVER (PARTITION BY a.metric ORDER BY a.usage_start) - a.total AS reached
    FROM (
        SELECT d.usage_start, v.metric, coalesce(v.total, 0) AS total
        FROM (
            SELECT usage_start{% for name, metric in metrics.items() %}, sum({{ metric.quantity | ident }}) AS {{ name | ident }}{% endfor %}

            FROM quantities
            GROUP BY 1
        ) AS d
        CROSS JOIN LATERAL (
            VALUES {% for name in metrics %}({{ name }}, d.{{ name | ident }}){{ ', ' | sql if not loop.last else '' | sql }}{% endfor %}

        ) AS v (metric, total)
    ) AS a
),
prices AS (
    SELECT
        r.usage_start, r.cost_type, r.metric, r.rate_name,
        r.value * CASE
            WHEN a.total > 0 THEN greatest(
                least(a.reached + a.total, coalesce(r.tier_to, a.reached + a.total))
                - greatest(a.reached, r.tier_from), 0) / a.total
            WHEN r.tier_from <= a.reached AND (r.tier_to IS NULL OR a.reached < r.tier_to) THEN 1
            ELSE 0
        END AS value
    FROM {{ rates }} AS r
    JOIN amounts AS a ON a.usage_start = r.usage_start AND a.metric = r.metric
),
{% else %}
prices AS (SELECT usage_start, cost_type, metric, rate_name, value FROM {{ rates }}),
{% endif %}
unit_prices AS (
    SELECT usage_start, cost_type, metric, rate_name, sum(value) AS value
    FROM prices
    WHERE {{ m.in_array('metric' | sql, metrics.keys() | list) }}
    GROUP BY 1, 2, 3, 4
),
costs AS (
    SELECT
        u.usage_row,
        p.cost_type,
        p.rate_name,
        p.metric,
        p.value * CASE p.metric{% for name, metric in metrics.items() %} WHEN {{ name }} THEN u.{{ metric.quantity | ident }}{% endfor %} END AS cost
    FROM quantities AS u
    JOIN unit_prices AS p ON p.usage_start = u.usage_start
)
SELECT
    usage_row,
    cost_type AS cost_model_rate_type,
    rate_name,
    metric,
    {% include 'cost_columns.sql' %}
FROM costs
WHERE cost IS NOT NULL
