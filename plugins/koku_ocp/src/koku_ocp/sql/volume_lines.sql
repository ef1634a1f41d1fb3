{# The nodes on which volumes are mounted, by the pods that do, and the labels that their rows have. #}
WITH {% include 'label_sets.sql' %}
pod_nodes AS (SELECT DISTINCT usage_start, namespace, pod, node FROM {{ datasets.ocp_pod_days }} WHERE node <> ''),
mounted AS (
    SELECT
        v.line,
        v.usage_start,
        v.namespace,
        coalesce(p.node, nullif(v.node, '')) AS node,
        {{ m.labels_keep(m.labels_merge('v.persistentvolume_labels' | sql, 'v.persistentvolumeclaim_labels' | sql), 'enabled.keys' | sql) }} AS labels
    FROM {{ lines }} AS v
    CROSS JOIN enabled
    LEFT JOIN pod_nodes AS p
        ON p.usage_start = v.usage_start AND p.namespace = v.namespace AND p.pod = v.pod AND (coalesce(v.node, '') = '' OR p.node = v.node)
),
labelled AS (
    SELECT
        v.line,
        v.node,
        {{ m.labels_merge(m.labels_merge('n.labels' | sql, 's.labels' | sql), 'v.labels' | sql) }} AS labels
    FROM mounted AS v
    LEFT JOIN node_labels AS n ON n.usage_start = v.usage_start AND n.node = v.node
    LEFT JOIN namespace_labels AS s ON s.usage_start = v.usage_start AND s.namespace = v.namespace
)
SELECT line, node, {{ m.labels_store('labels' | sql) }} AS volume_labels, {{ m.labels_store('labels' | sql) }} AS all_labels
FROM labelled
