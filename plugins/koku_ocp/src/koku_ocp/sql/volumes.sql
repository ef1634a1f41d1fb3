{# Storage rows: what each volume holds on each node that mounts it. Over all its rows a volume counts once. #}
{% set month %}{{ days_in_month }} * 92771293593600{% endset %}
WITH {% include 'label_sets.sql' %}
volume_labels AS (
    SELECT sets.stored, {{ m.labels_keep('sets.stored' | sql, 'keys' | sql) }} AS labels
    FROM (
        SELECT persistentvolume_labels AS stored FROM {{ datasets.ocp_storage_days }}
        UNION
        SELECT persistentvolumeclaim_labels FROM {{ datasets.ocp_storage_days }}
    ) AS sets
    CROSS JOIN enabled
),
{# The hours of a day that there is data for, in seconds: those of the node that was there longest. #}
days AS (
    SELECT usage_start, max(seconds) AS seconds
    FROM (
        SELECT usage_start, {{ m.div('sum(node_capacity_cpu_core_seconds)' | sql, 'max(node_capacity_cpu_cores)' | sql) }} AS seconds
        FROM {{ datasets.ocp_node_days }}
        GROUP BY usage_start, node
    ) AS nodes
    GROUP BY 1
),
{# How many seconds each pod mounted a volume. #}
mounts AS (
    SELECT
        usage_start, namespace, persistentvolumeclaim, persistentvolume, pod,
        {{ m.div('sum(persistentvolumeclaim_capacity_byte_seconds)' | sql, 'max(persistentvolumeclaim_capacity_bytes)' | sql) }} AS seconds
    FROM {{ datasets.ocp_storage_days }}
    GROUP BY 1, 2, 3, 4, 5
),
{# Each pod that mounts a volume reports all of it. A volume is there for no longer than the day's hours: where its pods report more, they
   mounted it together, and each row is divided by how many times over. Pods that follow each other add up. #}
volumes AS (
    SELECT
        v.usage_start, v.namespace, v.persistentvolumeclaim, v.persistentvolume,
        CASE WHEN v.seconds > v.possible THEN {{ m.div('v.seconds' | sql, 'v.possible' | sql) }} ELSE 1 END AS times
    FROM (
        SELECT
            o.usage_start, o.namespace, o.persistentvolumeclaim, o.persistentvolume, sum(o.seconds) AS seconds,
            CASE WHEN max(o.seconds) > coalesce(max(d.seconds), 86400) THEN max(o.seconds) ELSE coalesce(max(d.seconds), 86400) END AS possible
        FROM mounts AS o
        LEFT JOIN days AS d ON d.usage_start = o.usage_start
        GROUP BY 1, 2, 3, 4
    ) AS v
),
{# The nodes of each pod; a pod of one name may have moved within the day. #}
pod_nodes AS (
    SELECT usage_start, namespace, pod, node, max(resource_id) AS resource_id, count(*) OVER (PARTITION BY usage_start, namespace, pod) AS nodes
    FROM {{ datasets.ocp_pod_days }}
    WHERE node <> ''
    GROUP BY 1, 2, 3, 4
),
line_items AS (
    SELECT
        s.usage_start,
        s.namespace,
        coalesce(p.node, nullif(s.node, '')) AS node,
        p.resource_id,
        nullif(s.persistentvolumeclaim, '') AS persistentvolumeclaim,
        s.persistentvolume,
        s.storageclass,
        c.labels AS volume_labels,
        k.labels AS claim_labels,
        s.persistentvolumeclaim_capacity_bytes AS capacity_bytes,
        s.persistentvolumeclaim_capacity_byte_seconds AS capacity,
        s.volume_request_storage_byte_seconds AS request,
        s.persistentvolumeclaim_usage_byte_seconds AS used,
        CASE WHEN p.node IS NULL OR s.node = p.node THEN coalesce(v.times, 1) ELSE coalesce(v.times, 1) * p.nodes END AS times
    FROM {{ datasets.ocp_storage_days }} AS s
    LEFT JOIN pod_nodes AS p
        ON p.usage_start = s.usage_start AND p.namespace = s.namespace AND p.pod = s.pod
        AND (coalesce(s.node, '') = '' OR p.node = s.node)
    LEFT JOIN volumes AS v
        ON v.usage_start = s.usage_start AND v.namespace = s.namespace
        AND v.persistentvolumeclaim = s.persistentvolumeclaim AND v.persistentvolume = s.persistentvolume
    LEFT JOIN volume_labels AS c ON c.stored = s.persistentvolume_labels
    LEFT JOIN volume_labels AS k ON k.stored = s.persistentvolumeclaim_labels
),
volume_rows AS (
    SELECT
        i.usage_start,
        i.namespace,
        i.node,
        i.persistentvolumeclaim,
        i.persistentvolume,
        i.storageclass,
        {{ m.labels_merge(
            m.labels_merge('n.labels' | sql, 's.labels' | sql), m.labels_merge('i.volume_labels' | sql, 'i.claim_labels' | sql)
        ) }} AS labels,
        max(i.resource_id) AS resource_id,
        {{ m.div('max(i.capacity_bytes)' | sql, '1073741824' | sql) }} AS capacity_gigabyte,
        sum({{ m.div(m.div('i.capacity' | sql, month), 'i.times' | sql) }}) AS capacity,
        sum({{ m.div(m.div('i.request' | sql, month), 'i.times' | sql) }}) AS request,
        sum({{ m.div(m.div('i.used' | sql, month), 'i.times' | sql) }}) AS used
    FROM line_items AS i
    LEFT JOIN node_labels AS n ON n.usage_start = i.usage_start AND n.node = i.node
    LEFT JOIN namespace_labels AS s ON s.usage_start = i.usage_start AND s.namespace = i.namespace
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
categories AS (
    SELECT s.namespace, max(g.cost_group_id) AS cost_group_id
    FROM (SELECT DISTINCT namespace FROM volume_rows) AS s
    JOIN {{ datasets.cost_groups }} AS g ON s.namespace LIKE g.pattern
    GROUP BY 1
)
SELECT
    {{ source_key }} AS cluster_id,
    {{ source_name }} AS cluster_alias,
    r.usage_start,
    r.usage_start AS usage_end,
    'Storage' AS data_source,
    r.namespace,
    r.node,
    r.resource_id,
    {{ m.labels_store('r.labels' | sql) }} AS volume_labels,
    {{ m.labels_store('r.labels' | sql) }} AS all_labels,
    r.persistentvolumeclaim,
    r.persistentvolume,
    r.storageclass,
    r.capacity_gigabyte AS persistentvolumeclaim_capacity_gigabyte,
    r.capacity AS persistentvolumeclaim_capacity_gigabyte_months,
    r.request AS volume_request_storage_gigabyte_months,
    r.used AS persistentvolumeclaim_usage_gigabyte_months,
    g.cost_group_id AS cost_category_id
FROM volume_rows AS r
LEFT JOIN categories AS g ON g.namespace = r.namespace
