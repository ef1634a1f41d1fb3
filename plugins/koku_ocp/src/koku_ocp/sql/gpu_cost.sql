{# Charges each GPU, or its slices, for the time that it was in use, and what is left of a node's GPUs. Vendors are keys and models values. #}
WITH rows AS (
    SELECT usage_row, usage_start, gpu_vendor, gpu_model, gpu_slice_seconds, gpu_slices
    FROM {{ usage }}
    WHERE data_source = 'GPU' AND namespace IS NOT NULL AND gpu_slices > 0
),
prices AS (
    SELECT
        u.usage_row, p.rate_name, p.metric, p.cost_type, p.value,
        p.tag_value IS NOT DISTINCT FROM u.gpu_model AS named,
        bool_or(p.tag_value IS NOT DISTINCT FROM u.gpu_model) OVER (PARTITION BY u.usage_row, p.rate_name, p.metric, p.cost_type) AS has_own
    FROM rows AS u
    JOIN {{ rates }} AS p ON p.usage_start = u.usage_start AND p.tag_key = u.gpu_vendor
    WHERE {{ m.in_array('p.metric' | sql, metrics.keys() | list) }}
        AND (p.is_default OR p.tag_value IS NOT DISTINCT FROM u.gpu_model)
)
SELECT
    u.usage_row,
    p.rate_name,
    p.metric,
    p.cost_type AS cost_model_rate_type,
    'Tag' AS monthly_cost_type,
    u.gpu_slice_seconds * p.value / (u.gpu_slices * 86400 * {{ days_in_month }}) AS cost_model_gpu_cost
FROM rows AS u
JOIN prices AS p ON p.usage_row = u.usage_row
WHERE p.named OR NOT p.has_own
