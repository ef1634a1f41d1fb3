{# The enabled labels of a node or namespace on a day: one set each, the last that was seen, so that a change within the day doubles nothing. #}
enabled AS (
    SELECT array_agg(key) AS keys
    FROM (SELECT key FROM {{ datasets.enabled_tag_keys }} UNION SELECT 'vm_kubevirt_io_name') AS k
),
node_labels AS (
    SELECT usage_start, node, {{ m.labels_keep('node_labels' | sql, 'keys' | sql) }} AS labels
    FROM (
        SELECT usage_start, node, node_labels, row_number() OVER (
            PARTITION BY usage_start, node
            ORDER BY last_hour DESC NULLS LAST, label_hours DESC NULLS LAST, {{ m.labels_text('node_labels' | sql) }}
        ) AS place
        FROM {{ datasets.ocp_node_label_days }}
    ) AS ranked
    CROSS JOIN enabled
    WHERE place = 1
),
namespace_labels AS (
    SELECT usage_start, namespace, {{ m.labels_keep('namespace_labels' | sql, 'keys' | sql) }} AS labels
    FROM (
        SELECT usage_start, namespace, namespace_labels, row_number() OVER (
            PARTITION BY usage_start, namespace
            ORDER BY last_hour DESC NULLS LAST, label_hours DESC NULLS LAST, {{ m.labels_text('namespace_labels' | sql) }}
        ) AS place
        FROM {{ datasets.ocp_namespace_label_days }}
    ) AS ranked
    CROSS JOIN enabled
    WHERE place = 1
),
