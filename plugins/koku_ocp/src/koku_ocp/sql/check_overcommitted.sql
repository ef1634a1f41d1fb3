{# Nodes whose pods take more than there is, on any day: the same sums that give their unallocated rows. #}
WITH taken AS (
    SELECT
        usage_start,
        node,
        sum(pod_effective_usage_cpu_core_hours) - max(node_capacity_cpu_core_hours) AS cpu,
        sum(pod_effective_usage_memory_gigabyte_hours) - max(node_capacity_memory_gigabyte_hours) AS memory
    FROM {{ tables.ocp_pod_by_node }}
    WHERE source_uuid = {{ source_uuid }}
    GROUP BY 1, 2
)
SELECT
    node,
    count(*) AS days,
    min(usage_start) AS first,
    max(usage_start) AS last,
    round(greatest(max(cpu), 0), 1) AS cpu,
    round(greatest(max(memory), 0), 1) AS memory
FROM taken
WHERE cpu > 0 OR memory > 0
GROUP BY 1
ORDER BY 1
