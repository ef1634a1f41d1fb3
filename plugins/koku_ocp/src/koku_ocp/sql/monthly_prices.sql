{# What a month costs, on each day, by each rate; of tiers the first. #}
prices AS (
    SELECT usage_start, cost_type, metric, rate_name, sum(value) AS value
    FROM {{ rates }}
    WHERE {{ m.in_array('metric' | sql, metrics.keys() | list) }} AND tier_from = 0
    GROUP BY 1, 2, 3, 4
)
