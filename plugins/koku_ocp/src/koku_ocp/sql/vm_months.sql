{# What of each day of a virtual machine is a row's, and of its cores: a machine counts once a day, and the nodes that it was on share it by its
   hours. One that requests no CPU counts by its cores alone; cores are not known where no report tells them. #}
machines AS (
    SELECT
        u.usage_row,
        u.usage_start,
        u.pod_labels,
        CASE WHEN u.requests THEN u.vm_hours / sum(CASE WHEN u.requests THEN u.vm_hours END) OVER machine END AS months,
        CASE WHEN u.vm_core_hours IS NOT NULL THEN u.vm_request_cpu_cores * u.vm_hours / sum(u.vm_hours) OVER machine END AS core_months
    FROM (
        SELECT *, pod_request_cpu_core_hours IS DISTINCT FROM 0 AS requests
        FROM {{ usage }}
        WHERE data_source = 'Pod' AND vm_hours > 0
    ) AS u
    WINDOW machine AS (PARTITION BY u.usage_start, u.namespace, u.vm_name)
)
