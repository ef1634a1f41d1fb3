{# Spreads the day's part of a monthly price over a node's or the cluster's rows, unallocated ones included, by effective usage. #}
{% set rows = 'parts' | sql %}
{% macro paid(metric, price) %}
{% if metric.price_of == 'cluster' %}
u.used * {{ price }} / (u.cluster_capacity * {{ days_in_month }})
{%- elif metric.price_of == 'core' %}
u.used * {{ price }} * u.node_capacity_cpu_cores / (u.node_capacity * {{ days_in_month }})
{%- else %}
u.used * {{ price }} / (u.node_capacity * {{ days_in_month }})
{%- endif %}
{% endmacro %}
WITH {% include 'node_rows.sql' %},
parts AS (
    SELECT * FROM node_rows WHERE node_capacity <> 0 AND cluster_capacity <> 0
),
{% include 'tiers.sql' %},
costs AS (
    SELECT
        u.usage_row,
        p.cost_type AS cost_model_rate_type,
        p.rate_name,
        p.metric,
        CASE p.metric {% for name, metric in metrics.items() %}WHEN {{ name }} THEN {{ metric.monthly_cost_type }} {% endfor %}END AS monthly_cost_type,
        CASE p.metric{% for name, metric in metrics.items() %} WHEN {{ name }} THEN {{ paid(metric, 'p.value' | sql) }}{% endfor %} END AS cost
    FROM parts AS u
    JOIN prices AS p ON p.usage_start = u.usage_start
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
