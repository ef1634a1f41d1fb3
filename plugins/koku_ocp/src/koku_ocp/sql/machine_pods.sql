{# The pods of virtual machines, with the machine's own labels and all that their rows of the summary have; and of each `owner` (columns of them)
   the one that was there last. #}
{% include 'machine_labels.sql' %}
machine_pods AS (
    SELECT
        r.usage_start, r.namespace, r.node, r.pod, r.pod_hours, r.pod_labels, r.vm_name,
        {% set own %}{{ m.labels_keep('r.pod_labels' | sql, 'keys' | sql) }}{% endset %}
        {% set of_node %}{{ m.labels_merge('n.labels' | sql, 's.labels' | sql) }}{% endset %}
        {{ m.labels_merge('o.labels' | sql, m.labels_merge(of_node, own)) }} AS labels
    FROM (
        SELECT *, nullif({{ m.label_get('pod_labels' | sql, 'vm_kubevirt_io_name') }}, '') AS vm_name
        FROM {{ datasets.ocp_pod_days }}
        WHERE node <> ''
    ) AS r
    CROSS JOIN enabled
    LEFT JOIN node_labels AS n ON n.usage_start = r.usage_start AND n.node = r.node
    LEFT JOIN namespace_labels AS s ON s.usage_start = r.usage_start AND s.namespace = r.namespace
    LEFT JOIN machine_labels AS o ON o.usage_start = r.usage_start AND o.namespace = r.namespace AND o.vm_name = r.vm_name
    WHERE r.vm_name IS NOT NULL
),
machines AS (
    SELECT usage_start, namespace, pod, vm_name, labels
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY {{ owner }}
            ORDER BY usage_start DESC, pod_hours DESC NULLS LAST, {{ m.labels_text('pod_labels' | sql) }}, node
        ) AS place
        FROM machine_pods
    ) AS ranked
    WHERE place = 1
),
