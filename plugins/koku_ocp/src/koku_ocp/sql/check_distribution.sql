{# Days on which distribution made or lost money; its parts add up to nothing. #}
SELECT usage_start AS day, sum(distributed_cost) AS difference
FROM {{ tables.ocp_cost }}
WHERE source_uuid = {{ source_uuid }}
GROUP BY 1
HAVING abs(sum(distributed_cost)) > 0.000000001
ORDER BY 1
