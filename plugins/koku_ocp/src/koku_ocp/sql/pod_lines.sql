{# The labels that the rows of pods have: those of the pod, its namespace and its node. #}
WITH {% include 'label_sets.sql' %}
labelled AS (
    SELECT
        p.line,
        {{ m.labels_merge(m.labels_merge('n.labels' | sql, 's.labels' | sql), m.labels_keep('p.pod_labels' | sql, 'enabled.keys' | sql)) }} AS labels
    FROM {{ lines }} AS p
    CROSS JOIN enabled
    LEFT JOIN node_labels AS n ON n.usage_start = p.usage_start AND n.node = p.node
    LEFT JOIN namespace_labels AS s ON s.usage_start = p.usage_start AND s.namespace = p.namespace
)
SELECT
    line,
    {{ m.labels_store('labels' | sql) }} AS pod_labels,
    {{ m.labels_store('labels' | sql) }} AS all_labels,
    {{ m.labels_store('labels' | sql) }} AS vm_labels,
    nullif({{ m.label_get(m.labels_store('labels' | sql), 'vm_kubevirt_io_name') }}, '') AS vm_name
FROM labelled
