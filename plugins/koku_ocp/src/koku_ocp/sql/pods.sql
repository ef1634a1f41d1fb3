{# Pod rows, and for each node and day a row of what its pods left of it: the unallocated part. #}
{# as delivered, as summarized, and the node's capacity of the same kind #}
{% set measures = (
    ('pod_usage_cpu_core_seconds', 'pod_usage_cpu_core_hours', 'core_hours'),
    ('pod_request_cpu_core_seconds', 'pod_request_cpu_core_hours', 'core_hours'),
    ('pod_effective_usage_cpu_core_seconds', 'pod_effective_usage_cpu_core_hours', 'core_hours'),
    ('pod_limit_cpu_core_seconds', 'pod_limit_cpu_core_hours', 'core_hours'),
    ('pod_usage_memory_byte_seconds', 'pod_usage_memory_gigabyte_hours', 'gigabyte_hours'),
    ('pod_request_memory_byte_seconds', 'pod_request_memory_gigabyte_hours', 'gigabyte_hours'),
    ('pod_effective_usage_memory_byte_seconds', 'pod_effective_usage_memory_gigabyte_hours', 'gigabyte_hours'),
    ('pod_limit_memory_byte_seconds', 'pod_limit_memory_gigabyte_hours', 'gigabyte_hours'),
) %}
WITH {% include 'label_sets.sql' %}
pod_labels AS (
    SELECT
        sets.pod_labels,
        {{ m.labels_keep('sets.pod_labels' | sql, 'keys' | sql) }} AS labels,
        nullif({{ m.label_get('sets.pod_labels' | sql, 'vm_kubevirt_io_name') }}, '') AS vm_name
    FROM (SELECT DISTINCT pod_labels FROM {{ datasets.ocp_pod_days }} WHERE node <> '') AS sets
    CROSS JOIN enabled
),
pods AS (
    SELECT
        p.usage_start,
        p.namespace,
        p.node,
        {{ m.labels_merge(m.labels_merge('n.labels' | sql, 's.labels' | sql), 'l.labels' | sql) }} AS labels,
        l.vm_name,
        max(p.resource_id) AS resource_id,
        sum(p.pod_hours) AS pod_hours,
        {% for seconds, hours, capacity in measures %}
        {% set total %}sum(p.{{ seconds | ident }}){% endset %}
        {{ m.div(total, '3600' | sql if capacity == 'core_hours' else '3865470566400' | sql) }} AS {{ hours | ident }}{{ ',' | sql if not loop.last else '' | sql }}
        {% endfor %}
    FROM {{ datasets.ocp_pod_days }} AS p
    LEFT JOIN node_labels AS n ON n.usage_start = p.usage_start AND n.node = p.node
    LEFT JOIN namespace_labels AS s ON s.usage_start = p.usage_start AND s.namespace = p.namespace
    LEFT JOIN pod_labels AS l ON l.pod_labels = p.pod_labels
    WHERE p.node <> ''
    GROUP BY 1, 2, 3, 4, 5
),
nodes AS (
    SELECT
        usage_start,
        node,
        max(resource_id) AS resource_id,
        {{ m.figure('max(node_capacity_cpu_cores)' | sql) }} AS cores,
        {{ m.div('sum(node_capacity_cpu_core_seconds)' | sql, '3600' | sql) }} AS core_hours,
        {{ m.div('max(node_capacity_memory_bytes)' | sql, '1073741824' | sql) }} AS gigabytes,
        {{ m.div('sum(node_capacity_memory_byte_seconds)' | sql, '3865470566400' | sql) }} AS gigabyte_hours
    FROM {{ datasets.ocp_node_days }}
    WHERE node <> ''
    GROUP BY 1, 2
),
clusters AS (
    SELECT usage_start, sum(core_hours) AS core_hours, sum(gigabyte_hours) AS gigabyte_hours
    FROM nodes
    GROUP BY 1
),
{# The highest role that the month names; without one, what the node runs or is labelled with; else it is a worker. #}
roles AS (
    SELECT
        d.node,
        max(CASE d.node_role WHEN 'master' THEN 3 WHEN 'infra' THEN 2 WHEN 'worker' THEN 1 ELSE 0 END) AS named,
        bool_or(coalesce(d.runs_control_plane, false)) AS runs_control_plane,
        bool_or(coalesce(l.infra, false)) AS labelled_infra
    FROM {{ datasets.ocp_node_days }} AS d
    LEFT JOIN (
        SELECT
            node,
            bool_or(
                coalesce({{ m.label_get('node_labels' | sql, 'node_role_kubernetes_io') }} = 'infra', false)
                OR {{ m.label_get('node_labels' | sql, 'node_role_kubernetes_io_infra') }} IS NOT NULL
            ) AS infra
        FROM {{ datasets.ocp_node_label_days }}
        GROUP BY 1
    ) AS l ON l.node = d.node
    GROUP BY 1
),
{# What pods took is added up from the line items, not from `pods`: an engine may run a named query again wherever it is named. #}
taken AS (
    SELECT
        usage_start,
        node,
        {% for seconds, hours, capacity in measures %}
        {% set total %}sum({{ seconds | ident }}){% endset %}
        {{ m.div(total, '3600' | sql if capacity == 'core_hours' else '3865470566400' | sql) }} AS {{ hours | ident }}{{ ',' | sql if not loop.last else '' | sql }}
        {% endfor %}
    FROM {{ datasets.ocp_pod_days }}
    WHERE node <> ''
    GROUP BY 1, 2
),
unallocated AS (
    SELECT
        n.usage_start,
        CASE
            WHEN r.named >= 2 OR (r.named = 0 AND (r.runs_control_plane OR r.labelled_infra)) THEN 'Platform unallocated'
            ELSE 'Worker unallocated'
        END AS namespace,
        n.node,
        {{ m.no_labels() }} AS labels,
        cast(NULL AS varchar) AS vm_name,
        n.resource_id,
        0 AS pod_hours,
        {% for _, hours, capacity in measures %}
        n.{{ capacity | ident }} - coalesce(t.{{ hours | ident }}, 0) AS {{ hours | ident }}{{ ',' | sql if not loop.last else '' | sql }}
        {% endfor %}
    FROM nodes AS n
    JOIN roles AS r ON r.node = n.node
    LEFT JOIN taken AS t ON t.usage_start = n.usage_start AND t.node = n.node
),
{# A virtual machine on a node: its pods by their label, its hours by its own report, which its pods share by theirs. #}
reported AS (
    SELECT
        v.usage_start,
        v.namespace,
        v.vm_name,
        v.node,
        max(v.resource_id) AS resource_id,
        sum(v.vm_uptime_total_seconds) AS seconds,
        sum(v.vm_core_seconds_up) AS core_seconds,
        max(max(v.vm_cpu_request_cores)) OVER (PARTITION BY v.usage_start, v.namespace, v.vm_name) AS cores,
        max(max(v.vm_memory_request_bytes)) OVER (PARTITION BY v.usage_start, v.namespace, v.vm_name) AS bytes
    FROM {{ datasets.ocp_vm_days }} AS v
    GROUP BY 1, 2, 3, 4
),
{% include 'machine_labels.sql' %}
reported_days AS (SELECT DISTINCT usage_start FROM {{ datasets.ocp_vm_days }}),
machines AS (
    SELECT *, sum(pod_hours) OVER (PARTITION BY usage_start, namespace, node, vm_name) AS machine_hours FROM pods
),
{# One whose pods there is no word of ran all the same. #}
alone AS (
    SELECT
        v.usage_start,
        v.namespace,
        v.node,
        {{ m.no_labels() }} AS labels,
        v.vm_name,
        v.resource_id,
        1 AS pod_hours,
        {% for _, hours, _ in measures %}
        {{ m.figure('NULL' | sql) }} AS {{ hours | ident }},
        {% endfor %}
        1 AS machine_hours
    FROM reported AS v
    LEFT JOIN (
        SELECT DISTINCT d.usage_start, d.namespace, d.node, l.vm_name
        FROM {{ datasets.ocp_pod_days }} AS d
        JOIN pod_labels AS l ON l.pod_labels = d.pod_labels
    ) AS p
        ON p.usage_start = v.usage_start AND p.namespace = v.namespace AND p.node = v.node AND p.vm_name = v.vm_name
    WHERE p.vm_name IS NULL AND v.node <> '' AND v.seconds > 0
),
all_rows AS (
    SELECT * FROM machines
    UNION ALL SELECT * FROM alone
    UNION ALL SELECT *, 0 AS machine_hours FROM unallocated
),
{% set namespaces %}SELECT namespace FROM {{ datasets.ocp_pod_days }}
        UNION SELECT namespace FROM {{ datasets.ocp_vm_days }}
        UNION SELECT 'Platform unallocated'
        UNION SELECT 'Worker unallocated'{% endset %}
{% include 'cost_groups.sql' %}
SELECT
    {{ source_key }} AS cluster_id,
    {{ source_name }} AS cluster_alias,
    b.usage_start,
    b.usage_start AS usage_end,
    'Pod' AS data_source,
    b.namespace,
    b.node,
    b.resource_id,
    {{ m.labels_store('b.labels' | sql) }} AS pod_labels,
    {{ m.labels_store('b.labels' | sql) }} AS all_labels,
    {% for _, hours, _ in measures %}
    b.{{ hours | ident }},
    {% endfor %}
    n.cores AS node_capacity_cpu_cores,
    n.core_hours AS node_capacity_cpu_core_hours,
    n.gigabytes AS node_capacity_memory_gigabytes,
    n.gigabyte_hours AS node_capacity_memory_gigabyte_hours,
    c.core_hours AS cluster_capacity_cpu_core_hours,
    c.gigabyte_hours AS cluster_capacity_memory_gigabyte_hours,
    g.cost_group_id AS cost_category_id,
    b.vm_name,
    CASE WHEN b.vm_name IS NOT NULL THEN {{ m.labels_store(m.labels_merge('o.labels' | sql, 'b.labels' | sql)) }} END AS vm_labels,
    CASE
        WHEN b.vm_name IS NULL THEN NULL
        WHEN d.usage_start IS NULL THEN {{ m.figure('b.pod_hours' | sql) }}
        ELSE coalesce({{ m.div('v.seconds * b.pod_hours' | sql, '3600 * b.machine_hours' | sql) }}, 0)
    END AS vm_hours,
    CASE
        WHEN b.vm_name IS NOT NULL AND d.usage_start IS NOT NULL
            THEN coalesce({{ m.div('v.core_seconds * b.pod_hours' | sql, '3600 * b.machine_hours' | sql) }}, 0)
    END AS vm_core_hours,
    CASE
        WHEN b.vm_name IS NULL THEN NULL
        WHEN d.usage_start IS NULL THEN {{ m.div('b.pod_request_cpu_core_hours' | sql, 'b.pod_hours' | sql) }}
        ELSE {{ m.figure('v.cores' | sql) }}
    END AS vm_request_cpu_cores,
    CASE
        WHEN b.vm_name IS NULL THEN NULL
        WHEN d.usage_start IS NULL THEN {{ m.div('b.pod_request_memory_gigabyte_hours' | sql, 'b.pod_hours' | sql) }}
        ELSE {{ m.div('v.bytes' | sql, '1073741824' | sql) }}
    END AS vm_request_memory_gigabytes
FROM all_rows AS b
LEFT JOIN nodes AS n ON n.usage_start = b.usage_start AND n.node = b.node
LEFT JOIN clusters AS c ON c.usage_start = b.usage_start
LEFT JOIN categories AS g ON g.namespace = b.namespace
LEFT JOIN reported_days AS d ON d.usage_start = b.usage_start
LEFT JOIN machine_labels AS o ON o.usage_start = b.usage_start AND o.namespace = b.namespace AND o.vm_name = b.vm_name
LEFT JOIN reported AS v
    ON v.usage_start = b.usage_start AND v.namespace = b.namespace AND v.node = b.node AND v.vm_name = b.vm_name
