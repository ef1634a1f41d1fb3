{# GPUs that were in use for more hours than a day has. #}
WITH used AS (
    SELECT usage_start, node, resource_id, max(gpu_model) AS model, sum(gpu_slice_seconds) / nullif(max(gpu_slices), 0) / 3600 AS hours
    FROM {{ tables.ocp_gpu }}
    WHERE source_uuid = {{ source_uuid }} AND resource_id IS NOT NULL
    GROUP BY 1, 2, 3
)
SELECT resource_id AS gpu, max(model) AS model, node, count(*) AS days, min(usage_start) AS first, max(usage_start) AS last, round(max(hours), 1) AS hours
FROM used
WHERE hours > 24.01
GROUP BY 1, 3
ORDER BY 1, 3
