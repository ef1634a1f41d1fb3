{# The enabled labels of a node or namespace on a day: one set each, the last that was seen, so that a change within the day doubles nothing. #}
enabled AS (
    SELECT coalesce(array_agg(key), ARRAY['vm_kubevirt_io_name']) || ARRAY['vm_kubevirt_io_name'] AS keys
    FROM {{ datasets.enabled_tag_keys }}
),
{% for owner, labels, days in (
    ('node', 'node_labels', datasets.ocp_node_label_days), ('namespace', 'namespace_labels', datasets.ocp_namespace_label_days),
) %}
{{ labels | ident }} AS (
    SELECT usage_start, {{ owner | ident }}, {{ m.labels_keep(labels | ident, 'keys' | sql) }} AS labels
    FROM (
        SELECT usage_start, {{ owner | ident }}, {{ labels | ident }}, row_number() OVER (
            PARTITION BY usage_start, {{ owner | ident }}
            ORDER BY last_hour DESC NULLS LAST, label_hours DESC NULLS LAST, {{ m.labels_text(labels | ident) }}
        ) AS place
        FROM {{ days }}
    ) AS ranked
    CROSS JOIN enabled
    WHERE place = 1
),
{% endfor %}
