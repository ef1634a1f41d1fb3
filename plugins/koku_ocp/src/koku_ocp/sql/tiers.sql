{# What a unit of each metric costs on each day, by each rate. The tiers of a month are filled by the units of all `rows` of the source, day by day;
   within a day every unit pays the day's mixture. `paid(metric, price)` is what a row `u` pays. #}
{% if tiered %}
amounts AS (
    SELECT u.usage_start, v.metric, coalesce(sum(v.units), 0) AS total
    FROM {{ rows }} AS u
    CROSS JOIN LATERAL (
        VALUES {% for name, metric in metrics.items() %}({{ name }}, {{ paid(metric, '1' | sql) }}){{ ', ' | sql if not loop.last else '' | sql }}{% endfor %}

    ) AS v (metric, units)
    GROUP BY 1, 2
),
reached AS (
    SELECT usage_start, metric, total, sum(total) OVER (PARTITION BY metric ORDER BY usage_start) - total AS reached
    FROM amounts
),
tier_prices AS (
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
    JOIN reached AS a ON a.usage_start = r.usage_start AND a.metric = r.metric
),
{% endif %}
prices AS (
    SELECT usage_start, cost_type, metric, rate_name, sum(value) AS value
    FROM {{ 'tier_prices' | sql if tiered else rates }}
    WHERE {{ m.in_array('metric' | sql, metrics.keys() | list) }}
    GROUP BY 1, 2, 3, 4
)
