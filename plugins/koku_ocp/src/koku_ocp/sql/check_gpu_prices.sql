{# Models of GPUs that cost nothing, where others have a price. #}
SELECT gpu_vendor AS vendor, gpu_model AS model, count(DISTINCT usage_start) AS days, min(usage_start) AS first, max(usage_start) AS last
FROM {{ tables.ocp_gpu }}
WHERE source_uuid = {{ source_uuid }}
GROUP BY 1, 2
HAVING coalesce(sum(cost_model_gpu_cost), 0) = 0 AND EXISTS (
    SELECT FROM {{ tables.ocp_gpu }} WHERE source_uuid = {{ source_uuid }} AND cost_model_gpu_cost <> 0
)
ORDER BY 1, 2
