{# Models of GPUs whose instances are told, but not how many slices a whole GPU has. #}
SELECT gpu_model AS model, count(DISTINCT usage_start) AS days, min(usage_start) AS first, max(usage_start) AS last
FROM {{ tables.ocp_gpu }}
WHERE source_uuid = {{ source_uuid }} AND mig_slice_count IS NOT NULL AND gpu_max_slices IS NULL
GROUP BY 1
ORDER BY 1
