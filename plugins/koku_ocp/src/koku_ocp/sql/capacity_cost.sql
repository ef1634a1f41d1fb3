{# Spreads the day's part of a monthly price over a node's or the cluster's rows, unallocated ones included, by effective usage. #}
WITH {% include 'monthly_prices.sql' %},
{% include 'node_rows.sql' %},
costs AS (
    SELECT
        u.usage_row,
        p.cost_type AS cost_model_rate_type,
        p.rate_name,
        p.metric,
        CASE p.metric {% for name, metric in metrics.items() %}WHEN {{ name }} THEN {{ metric.monthly_cost_type }} {% endfor %}END AS monthly_cost_type,
        CASE p.metric
            {% for name, metric in metrics.items() %}
            {% if metric.price_of == 'cluster' %}
            WHEN {{ name }} THEN u.used * p.value / (u.cluster_capacity * {{ days_in_month }})
            {% elif metric.price_of == 'core' %}
            WHEN {{ name }} THEN u.used * p.value * u.node_capacity_cpu_cores / (u.node_capacity * {{ days_in_month }})
            {% else %}
            WHEN {{ name }} THEN u.used * p.value / (u.node_capacity * {{ days_in_month }})
            {% endif %}
            {% endfor %}
        END AS cost
    FROM node_rows AS u
    JOIN prices AS p ON p.usage_start = u.usage_start
    WHERE u.node_capacity <> 0 AND u.cluster_capacity <> 0
)
SELECT
    u.usage_row,
    u.rate_name,
    u.metric,
    u.cost_model_rate_type,
    u.monthly_cost_type,
    {% if distribution_type == 'memory' %}
    u.cost AS cost_model_memory_cost
    {% else %}
    u.cost AS cost_model_cpu_cost
    {% endif %}
FROM costs AS u
