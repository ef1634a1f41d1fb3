{# Prices a node by the labels of its pods: a pod with the label pays the price of its value for its part of the node. What these pods leave of the
   node is charged once, to the unallocated namespace, at the mean of what they pay: so a node costs the mean of the prices found on it, and
   nothing where no pod has the label. #}
{# what a metric is a price of: how many of them a node has, and how many days they are for #}
{% set units = (
    ('node', '1' | sql, days_in_month),
    ('core', 'u.node_capacity_cpu_cores' | sql, days_in_month),
    ('core_hour', 'u.node_capacity_cpu_core_hours' | sql, 1),
) %}
WITH {% include 'tag_prices.sql' %},
{% include 'node_rows.sql' %},
labelled AS (
    SELECT
        u.usage_row, u.usage_start, u.node, coalesce(u.used, 0) AS used, u.node_capacity AS capacity, p.cost_type, p.metric, p.rate_name, p.tag_key,
        coalesce(cast(p.by_value ->> (u.pod_labels ->> p.tag_key) AS numeric), p.by_default)
            * CASE p.metric
                {% for name, metric in metrics.items() %}
                {% for unit, number, days in units if unit == metric.price_of %}
                WHEN {{ name }} THEN cast({{ number }} AS numeric(60, 30)) / (u.node_capacity * {{ days }})
                {% endfor %}
                {% endfor %}
            END AS price
    FROM node_rows AS u
    JOIN prices AS p ON p.usage_start = u.usage_start
    WHERE u.node_capacity <> 0 AND u.pod_labels ->> p.tag_key IS NOT NULL
),
left_over AS (
    SELECT
        usage_start, node, cost_type, metric, rate_name,
        capacity - sum(used) AS used,
        CASE WHEN sum(used) = 0 THEN avg(price) ELSE sum(used * price) / sum(used) END AS price
    FROM labelled
    WHERE price IS NOT NULL
    GROUP BY usage_start, node, cost_type, metric, rate_name, tag_key, capacity
),
costs AS (
    SELECT usage_row, rate_name, metric, cost_type, used * price AS cost
    FROM labelled
    WHERE price IS NOT NULL
    UNION ALL
    SELECT u.usage_row, o.rate_name, o.metric, o.cost_type, o.used * o.price
    FROM left_over AS o
    JOIN node_rows AS u
        ON u.usage_start = o.usage_start AND u.node = o.node AND u.namespace IN ('Worker unallocated', 'Platform unallocated')
)
SELECT
    usage_row,
    rate_name,
    metric,
    cost_type AS cost_model_rate_type,
    CASE metric {% for name, metric in metrics.items() %}WHEN {{ name }} THEN {{ metric.monthly_cost_type }} {% endfor %}END AS monthly_cost_type,
    {% include 'cost_columns.sql' %}
FROM costs
