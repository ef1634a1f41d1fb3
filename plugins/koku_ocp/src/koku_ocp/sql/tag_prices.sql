{# What a label costs, a row for each day, rate and key: the price of each value, and of every other one (null: it costs nothing). #}
prices AS (
    SELECT
        usage_start, cost_type, metric, rate_name, tag_key,
        jsonb_object_agg(tag_value, value) AS by_value,
        max(value) FILTER (WHERE is_default) AS by_default
    FROM {{ rates }}
    WHERE {{ m.in_array('metric' | sql, metrics.keys() | list) }}
    GROUP BY 1, 2, 3, 4, 5
)
