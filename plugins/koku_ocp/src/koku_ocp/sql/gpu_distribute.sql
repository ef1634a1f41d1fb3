{# Moves the day's cost of what was left of a node's GPUs of one model to the namespaces that used such GPUs there, by slices and time.
   Nobody to receive it: it stays where it is. The parts add up to the last digit, as in `distribute.sql`. #}
{% set chosen = distribution.params %}
WITH pools AS (
    SELECT
        usage_start, node, gpu_vendor, gpu_model,
        max(cluster_id) AS cluster_id, max(cluster_alias) AS cluster_alias, max(cost_category_id) AS cost_category_id,
        sum(cost_model_gpu_cost) AS cost
    FROM {{ costs }}
    WHERE data_source = 'GPU' AND namespace = {{ chosen.source }}
    GROUP BY 1, 2, 3, 4
),
takers AS (
    SELECT
        u.usage_start, u.node, u.gpu_model, u.namespace, p.gpu_vendor, p.cost AS pool,
        max(u.cluster_id) AS cluster_id, max(u.cluster_alias) AS cluster_alias, max(u.cost_category_id) AS cost_category_id,
        sum(u.gpu_slice_seconds) AS used
    FROM {{ usage }} AS u
    JOIN pools AS p
        ON p.usage_start = u.usage_start AND p.node IS NOT DISTINCT FROM u.node
        AND p.gpu_vendor IS NOT DISTINCT FROM u.gpu_vendor AND p.gpu_model IS NOT DISTINCT FROM u.gpu_model
    WHERE u.data_source = 'GPU' AND u.namespace IS NOT NULL AND u.namespace <> {{ chosen.source }}
    GROUP BY 1, 2, 3, 4, 5, 6
),
reached AS (
    SELECT
        *,
        sum(used) OVER (PARTITION BY usage_start, node, gpu_vendor, gpu_model) AS base,
        sum(used) OVER (
            PARTITION BY usage_start, node, gpu_vendor, gpu_model ORDER BY namespace ROWS UNBOUNDED PRECEDING
        ) AS reached
    FROM takers
),
parts AS (
    SELECT
        usage_start, node, gpu_vendor, gpu_model, namespace, cluster_id, cluster_alias, cost_category_id,
        round(pool * reached / base, 15) - round(pool * (reached - used) / base, 15) AS distributed_cost
    FROM reached
    WHERE base > 0
)
SELECT
    cluster_id, cluster_alias, usage_start, usage_start AS usage_end, 'GPU' AS data_source, namespace, node, gpu_vendor, gpu_model,
    cost_category_id, {{ chosen.rate_type }} AS cost_model_rate_type, distributed_cost
FROM parts
WHERE distributed_cost <> 0
UNION ALL
SELECT
    p.cluster_id, p.cluster_alias, p.usage_start, p.usage_start, 'GPU', {{ chosen.source }}, p.node, p.gpu_vendor, p.gpu_model,
    p.cost_category_id, {{ chosen.rate_type }}, -p.cost
FROM pools AS p
WHERE p.cost <> 0 AND EXISTS (
    SELECT FROM parts AS t
    WHERE t.usage_start = p.usage_start AND t.node IS NOT DISTINCT FROM p.node
        AND t.gpu_vendor IS NOT DISTINCT FROM p.gpu_vendor AND t.gpu_model IS NOT DISTINCT FROM p.gpu_model
)
