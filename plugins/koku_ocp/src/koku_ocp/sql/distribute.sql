{# Moves the day's cost of the source rows to the recipients, by effective usage. Nobody to receive it: it stays where it is.

A recipient's part is what the running total of usage has reached minus what it had reached before, each rounded as stored: the parts
add up to the whole to the last digit. #}
{% set chosen = distribution.params %}
{% set group = cost_groups[chosen.group] %}
WITH items AS (
    SELECT
        cluster_id, cluster_alias, usage_start, data_source, namespace, node, resource_id, cost_category_id, raw_currency,
        node_capacity_cpu_cores, node_capacity_cpu_core_hours, node_capacity_memory_gigabytes, node_capacity_memory_gigabyte_hours,
        cluster_capacity_cpu_core_hours, cluster_capacity_memory_gigabyte_hours,
        {% if distribution_type == 'memory' %}
        pod_effective_usage_memory_gigabyte_hours AS used,
        {% else %}
        pod_effective_usage_cpu_core_hours AS used,
        {% endif %}
        coalesce(infrastructure_raw_cost, 0) AS cost
    FROM {{ usage }}
    UNION ALL
    SELECT
        cluster_id, cluster_alias, usage_start, data_source, namespace, node, resource_id, cost_category_id, raw_currency,
        node_capacity_cpu_cores, node_capacity_cpu_core_hours, node_capacity_memory_gigabytes, node_capacity_memory_gigabyte_hours,
        cluster_capacity_cpu_core_hours, cluster_capacity_memory_gigabyte_hours,
        0 AS used,
        coalesce(infrastructure_markup_cost, 0) + coalesce(cost_model_cpu_cost, 0) + coalesce(cost_model_memory_cost, 0)
            + coalesce(cost_model_volume_cost, 0) + coalesce(cost_model_gpu_cost, 0) AS cost
    FROM {{ costs }}
),
parties AS (
    SELECT
        usage_start, namespace, node, data_source, cost_category_id,
        {% if chosen.source %}
        namespace = {{ chosen.source }} AS is_source,
        {% else %}
        coalesce(cost_category_id = {{ group }}, false) AS is_source,
        {% endif %}
        max(cluster_id) AS cluster_id,
        max(cluster_alias) AS cluster_alias,
        max(resource_id) AS resource_id,
        max(raw_currency) AS raw_currency,
        max(node_capacity_cpu_cores) AS node_capacity_cpu_cores,
        max(node_capacity_cpu_core_hours) AS node_capacity_cpu_core_hours,
        max(node_capacity_memory_gigabytes) AS node_capacity_memory_gigabytes,
        max(node_capacity_memory_gigabyte_hours) AS node_capacity_memory_gigabyte_hours,
        max(cluster_capacity_cpu_core_hours) AS cluster_capacity_cpu_core_hours,
        max(cluster_capacity_memory_gigabyte_hours) AS cluster_capacity_memory_gigabyte_hours,
        coalesce(sum(used), 0) AS used,
        sum(cost) AS cost
    FROM items
    WHERE namespace IS NOT NULL AND NOT {{ m.in_array('namespace' | sql, chosen.left_out) }}
        {% if chosen.source %}
        AND cost_category_id IS DISTINCT FROM {{ group }}
        {% endif %}
    GROUP BY 1, 2, 3, 4, 5
),
days AS (
    SELECT
        *,
        sum(CASE WHEN is_source THEN cost ELSE 0 END) OVER (PARTITION BY usage_start) AS pool,
        sum(CASE WHEN is_source THEN 0 ELSE used END) OVER (PARTITION BY usage_start) AS base,
        sum(CASE WHEN is_source THEN 0 ELSE used END) OVER (
            PARTITION BY usage_start ORDER BY namespace, node, data_source, cost_category_id ROWS UNBOUNDED PRECEDING
        ) AS reached
    FROM parties
),
parts AS (
    SELECT
        *,
        CASE
            WHEN is_source THEN -cost
            ELSE round(pool * reached / base, 15) - round(pool * (reached - used) / base, 15)
        END AS distributed_cost
    FROM days
    WHERE base > 0
)
SELECT
    cluster_id,
    cluster_alias,
    usage_start,
    usage_start AS usage_end,
    data_source,
    namespace,
    node,
    resource_id,
    cost_category_id,
    node_capacity_cpu_cores,
    node_capacity_cpu_core_hours,
    node_capacity_memory_gigabytes,
    node_capacity_memory_gigabyte_hours,
    cluster_capacity_cpu_core_hours,
    cluster_capacity_memory_gigabyte_hours,
    {% if chosen.keeps_currency %}
    raw_currency,
    {% endif %}
    {{ chosen.rate_type }} AS cost_model_rate_type,
    distributed_cost
FROM parts
WHERE distributed_cost <> 0
