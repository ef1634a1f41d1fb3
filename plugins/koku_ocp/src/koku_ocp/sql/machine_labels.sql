{# The enabled labels that a virtual machine has of its own on a day, as its report tells: the last that were seen. #}
machine_labels AS (
    SELECT usage_start, namespace, vm_name, {{ m.labels_keep('vm_labels' | sql, 'keys' | sql) }} AS labels
    FROM (
        SELECT usage_start, namespace, vm_name, vm_labels, row_number() OVER (
            PARTITION BY usage_start, namespace, vm_name ORDER BY last_hour DESC NULLS LAST, {{ m.labels_text('vm_labels' | sql) }}
        ) AS place
        FROM {{ datasets.ocp_vm_days }}
    ) AS ranked
    CROSS JOIN enabled
    WHERE place = 1
),
