{# Storage rows: what each volume holds on each node that mounts it. Over all its rows a volume counts once. #}
{% set month %}{{ days_in_month }} * 92771293593600{% endset %}
WITH {% include 'label_sets.sql' %}
volume_labels AS (
    SELECT sets.of_volume, sets.of_claim, {{ m.labels_merge(m.labels_keep('sets.of_volume' | sql, 'keys' | sql), m.labels_keep('sets.of_claim' | sql, 'keys' | sql)) }} AS labels
    FROM (
        SELECT DISTINCT persistentvolume_labels AS of_volume, persistentvolumeclaim_labels AS of_claim FROM {{ datasets.ocp_storage_days }}
    ) AS sets
    CROSS JOIN enabled
),
{# The hours of a day that there is data for, in seconds: those of the node or pod that was there longest. #}
days AS (
    SELECT usage_start, max(seconds) AS seconds
    FROM (
        SELECT usage_start, {{ m.div('sum(node_capacity_cpu_core_seconds)' | sql, 'max(node_capacity_cpu_cores)' | sql) }} AS seconds
        FROM {{ datasets.ocp_node_days }}
        GROUP BY usage_start, node
        UNION ALL
        SELECT usage_start, {{ m.figure('3600 * pod_hours' | sql) }} AS seconds FROM {{ datasets.ocp_pod_days }}
    ) AS there
    GROUP BY 1
),
{# Each pod that mounts a volume reports all of it. A volume (its name is the cluster's; without one, the claim stands for it) is there for
   no longer than the day's hours: where its pods together report more, they mounted it at the same time, and each row is divided by how many
   times over. Pods that follow each other just add up. Capacity is the claim's: it is divided among the pods of the claim alone, so that
   each claim has what it was given. #}
mounts AS (
    SELECT
        s.*,
        {% for window in ('volume', 'claim') %}
        CASE WHEN min(s.namespace || '/' || s.pod) OVER {{ window | ident }} <> max(s.namespace || '/' || s.pod) OVER {{ window | ident }} THEN
            {% set seconds %}sum(s.persistentvolumeclaim_capacity_byte_seconds) OVER {{ window | ident }}{% endset %}
            {% set bytes %}max(s.persistentvolumeclaim_capacity_bytes) OVER {{ window | ident }}{% endset %}
            {{ m.div(seconds, bytes) }}
        END AS {{ ('volume_seconds' if window == 'volume' else 'claim_seconds') | ident }}{{ ',' | sql if not loop.last else '' | sql }}
        {% endfor %}
    FROM {{ datasets.ocp_storage_days }} AS s
    WINDOW "volume" AS (
        PARTITION BY
            s.usage_start,
            s.persistentvolume,
            CASE WHEN coalesce(s.persistentvolume, '') = '' THEN s.namespace END,
            CASE WHEN coalesce(s.persistentvolume, '') = '' THEN s.persistentvolumeclaim END
    ),
    "claim" AS (
        PARTITION BY
            s.usage_start,
            s.namespace,
            s.persistentvolumeclaim,
            CASE WHEN coalesce(s.persistentvolumeclaim, '') = '' THEN s.persistentvolume END
    )
),
mounted AS (
    SELECT
        o.*,
        CASE WHEN o.volume_seconds > coalesce(d.seconds, 86400)
            THEN {{ m.div('o.volume_seconds' | sql, 'coalesce(d.seconds, 86400)' | sql) }} ELSE 1 END AS times,
        CASE WHEN o.claim_seconds > coalesce(d.seconds, 86400)
            THEN {{ m.div('o.claim_seconds' | sql, 'coalesce(d.seconds, 86400)' | sql) }} ELSE 1 END AS claim_times
    FROM mounts AS o
    LEFT JOIN days AS d ON d.usage_start = o.usage_start
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
        l.labels,
        s.persistentvolumeclaim_capacity_bytes AS capacity_bytes,
        s.persistentvolumeclaim_capacity_byte_seconds AS capacity,
        s.volume_request_storage_byte_seconds AS request,
        s.persistentvolumeclaim_usage_byte_seconds AS used,
        {# a pod of one name on several nodes, with no word which of them: evenly #}
        s.times * CASE WHEN p.node IS NULL OR s.node = p.node THEN 1 ELSE p.nodes END AS times,
        s.claim_times * CASE WHEN p.node IS NULL OR s.node = p.node THEN 1 ELSE p.nodes END AS claim_times
    FROM mounted AS s
    LEFT JOIN pod_nodes AS p
        ON p.usage_start = s.usage_start AND p.namespace = s.namespace AND p.pod = s.pod
        AND (coalesce(s.node, '') = '' OR p.node = s.node)
    LEFT JOIN volume_labels AS l ON l.of_volume = s.persistentvolume_labels AND l.of_claim = s.persistentvolumeclaim_labels
),
volume_rows AS (
    SELECT
        i.usage_start,
        i.namespace,
        i.node,
        i.persistentvolumeclaim,
        i.persistentvolume,
        i.storageclass,
        {{ m.labels_merge(m.labels_merge('n.labels' | sql, 's.labels' | sql), 'i.labels' | sql) }} AS labels,
        max(i.resource_id) AS resource_id,
        {{ m.div('max(i.capacity_bytes)' | sql, '1073741824' | sql) }} AS capacity_gigabyte,
        sum({{ m.div(m.div('i.capacity' | sql, month), 'i.claim_times' | sql) }}) AS capacity,
        sum({{ m.div(m.div('i.request' | sql, month), 'i.times' | sql) }}) AS request,
        sum({{ m.div(m.div('i.used' | sql, month), 'i.times' | sql) }}) AS used
    FROM line_items AS i
    LEFT JOIN node_labels AS n ON n.usage_start = i.usage_start AND n.node = i.node
    LEFT JOIN namespace_labels AS s ON s.usage_start = i.usage_start AND s.namespace = i.namespace
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
{% set owner %}namespace, vm_name{% endset %}
{% include 'machine_pods.sql' %}
{# The claims of virtual machines: those that its report names, else those that its pods mount. #}
machine_claims AS (
    SELECT namespace, claim, vm_name
    FROM (
        SELECT *, row_number() OVER (PARTITION BY namespace, claim ORDER BY told, usage_start DESC, vm_name) AS place
        FROM (
            SELECT 1 AS told, usage_start, namespace, vm_persistentvolumeclaim_name AS claim, vm_name FROM {{ datasets.ocp_vm_days }}
            UNION ALL
            SELECT 2 AS told, v.usage_start, v.namespace, v.persistentvolumeclaim AS claim, p.vm_name
            FROM {{ datasets.ocp_storage_days }} AS v
            JOIN machine_pods AS p ON p.usage_start = v.usage_start AND p.namespace = v.namespace AND p.pod = v.pod
        ) AS named
        WHERE claim <> ''
    ) AS placed
    WHERE place = 1
),
{% set namespaces %}SELECT DISTINCT namespace FROM {{ datasets.ocp_storage_days }}{% endset %}
{% include 'cost_groups.sql' %}
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
    g.cost_group_id AS cost_category_id,
    c.vm_name,
    CASE WHEN c.vm_name IS NOT NULL THEN {{ m.labels_store(m.labels_merge('r.labels' | sql, 'l.labels' | sql)) }} END AS vm_labels
FROM volume_rows AS r
LEFT JOIN categories AS g ON g.namespace = r.namespace
LEFT JOIN machine_claims AS c ON c.namespace = r.namespace AND c.claim = r.persistentvolumeclaim
LEFT JOIN machines AS l ON l.namespace = c.namespace AND l.vm_name = c.vm_name
