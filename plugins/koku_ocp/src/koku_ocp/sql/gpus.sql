{# GPU rows: what each GPU, or instance of one, was used for, and what of a node's GPUs was left.

   All are told in slice-seconds: the slices of an instance times the seconds that it was in use. A GPU of a model has `gpu_slices` of them on
   a node, the whole month long, 1 if none is sliced, so that whole GPUs and instances add up. #}
WITH line_items AS (
    SELECT
        usage_start,
        coalesce(node, '') AS node,
        namespace,
        coalesce(gpu_uuid, '') AS gpu_uuid,
        mig_instance_id,
        gpu_vendor_name,
        coalesce(gpu_model_name, '') AS gpu_model_name,
        mig_slice_count,
        max(gpu_max_slices) AS slices,
        sum(gpu_pod_uptime) AS seconds
    FROM {{ datasets.ocp_gpu_days }}
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
{# The slices of a model's GPUs; of a model that is not known, those that were seen on one GPU, so that it is never charged more than once.
   A model that is idle for a day is still there. #}
seen AS (
    SELECT usage_start, node, gpu_model_name, gpu_uuid, sum(mig_slice_count) AS slices
    FROM (
        SELECT usage_start, node, gpu_model_name, gpu_uuid, mig_instance_id, max(mig_slice_count) AS mig_slice_count
        FROM line_items
        GROUP BY 1, 2, 3, 4, 5
    ) AS instances
    GROUP BY 1, 2, 3, 4
),
models AS (
    SELECT
        i.node, i.gpu_model_name,
        max(i.gpu_vendor_name) AS gpu_vendor_name,
        coalesce(max(i.slices), max(s.slices), 1) AS gpu_slices,
        count(DISTINCT i.gpu_uuid) AS gpus
    FROM line_items AS i
    JOIN seen AS s
        ON s.usage_start = i.usage_start AND s.node = i.node AND s.gpu_model_name = i.gpu_model_name AND s.gpu_uuid = i.gpu_uuid
    GROUP BY 1, 2
),
used AS (
    SELECT i.*, m.gpu_slices, i.seconds * coalesce(i.mig_slice_count, m.gpu_slices) AS slice_seconds
    FROM line_items AS i
    JOIN models AS m ON m.node = i.node AND m.gpu_model_name = i.gpu_model_name
),
{# Which model of the report a node's labels mean: the same name, else one that is a part of the other. #}
named AS (
    SELECT
        l.usage_start, l.node, l.gpu_count, l.mig_slice_count, l.gpu_max_slices, l.label_hours,
        coalesce(m.gpu_model_name, l.gpu_model_name) AS gpu_model_name,
        row_number() OVER (
            PARTITION BY l.usage_start, l.node, l.gpu_model_name, l.gpu_count, l.mig_slice_count, l.gpu_max_slices
            ORDER BY CASE WHEN m.gpu_model_name = l.gpu_model_name THEN 0 ELSE 1 END, length(m.gpu_model_name) DESC, m.gpu_model_name
        ) AS place
    FROM (
        SELECT usage_start, node, gpu_model_name, gpu_count, mig_slice_count, gpu_max_slices, sum(label_hours) AS label_hours
        FROM {{ datasets.ocp_gpu_node_days }}
        GROUP BY 1, 2, 3, 4, 5, 6
    ) AS l
    LEFT JOIN models AS m
        ON m.node = l.node
        AND (strpos(lower(l.gpu_model_name), lower(m.gpu_model_name)) > 0 OR strpos(lower(m.gpu_model_name), lower(l.gpu_model_name)) > 0)
),
labelled AS (SELECT * FROM named WHERE place = 1),
{# Labels name one model: GPUs of others count as many as were seen, and the model of the labels has the rest. #}
others AS (
    SELECT m.node, m.gpu_model_name, m.gpu_slices, m.gpus
    FROM models AS m
    LEFT JOIN labelled AS l ON l.node = m.node AND l.gpu_model_name = m.gpu_model_name
    WHERE l.node IS NULL
),
counted AS (
    SELECT
        l.usage_start,
        l.node,
        l.gpu_model_name,
        coalesce(m.gpu_slices, l.gpu_max_slices, l.mig_slice_count, 1) AS gpu_slices,
        3600 * l.label_hours * CASE
            WHEN l.mig_slice_count IS NOT NULL THEN coalesce(l.gpu_count, 0) * l.mig_slice_count
            ELSE greatest(coalesce(l.gpu_count - coalesce(o.gpus, 0), m.gpus, 0), 0) * coalesce(m.gpu_slices, l.gpu_max_slices, 1)
        END AS slice_seconds
    FROM labelled AS l
    LEFT JOIN models AS m ON m.node = l.node AND m.gpu_model_name = l.gpu_model_name
    LEFT JOIN (SELECT node, sum(gpus) AS gpus FROM others GROUP BY 1) AS o ON o.node = l.node
    UNION ALL
    SELECT h.usage_start, o.node, o.gpu_model_name, o.gpu_slices, 3600 * h.hours * o.gpus * o.gpu_slices
    FROM others AS o
    JOIN (SELECT usage_start, node, sum(label_hours) AS hours FROM labelled GROUP BY 1, 2) AS h ON h.node = o.node
),
unallocated AS (
    SELECT
        c.usage_start, c.node, c.gpu_model_name,
        coalesce(m.gpu_vendor_name, 'nvidia') AS gpu_vendor_name,
        c.gpu_slices,
        c.slice_seconds - coalesce(u.slice_seconds, 0) AS slice_seconds
    FROM (
        SELECT usage_start, node, gpu_model_name, max(gpu_slices) AS gpu_slices, sum(slice_seconds) AS slice_seconds
        FROM counted
        GROUP BY 1, 2, 3
    ) AS c
    LEFT JOIN models AS m ON m.node = c.node AND m.gpu_model_name = c.gpu_model_name
    LEFT JOIN (
        SELECT usage_start, node, gpu_model_name, sum(slice_seconds) AS slice_seconds FROM used GROUP BY 1, 2, 3
    ) AS u ON u.usage_start = c.usage_start AND u.node = c.node AND u.gpu_model_name = c.gpu_model_name
),
{# What GPUs were used for, with the virtual machines that their pods are of. #}
{% include 'label_sets.sql' %}
{% set owner %}usage_start, namespace, pod{% endset %}
{% include 'machine_pods.sql' %}
uses AS (
    SELECT
        g.usage_start,
        g.namespace,
        coalesce(g.node, '') AS node,
        coalesce(g.gpu_uuid, '') AS gpu_uuid,
        g.gpu_vendor_name,
        coalesce(g.gpu_model_name, '') AS gpu_model_name,
        g.mig_profile,
        g.mig_instance_id,
        g.mig_slice_count,
        v.vm_name,
        v.labels,
        max(g.gpu_memory_capacity_mib) AS mib,
        max(g.mig_memory_capacity_mib) AS mig_mib,
        max(g.gpu_max_slices) AS slices,
        sum(g.gpu_pod_uptime) AS seconds
    FROM {{ datasets.ocp_gpu_days }} AS g
    LEFT JOIN machines AS v ON v.usage_start = g.usage_start AND v.namespace = g.namespace AND v.pod = g.pod
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
),
all_rows AS (
    SELECT
        u.usage_start, u.namespace, u.node, u.gpu_uuid, u.gpu_vendor_name, u.gpu_model_name,
        CASE WHEN u.mig_slice_count IS NULL THEN 'dedicated' ELSE 'MIG' END AS gpu_mode,
        CASE WHEN u.mig_slice_count IS NOT NULL THEN u.mig_profile END AS mig_profile,
        CASE WHEN u.mig_slice_count IS NOT NULL THEN u.mig_instance_id END AS mig_instance_id,
        u.mib, u.mig_mib, u.mig_slice_count,
        CASE WHEN u.mig_slice_count IS NOT NULL THEN u.slices END AS max_slices,
        m.gpu_slices,
        u.seconds * coalesce(u.mig_slice_count, m.gpu_slices) AS slice_seconds,
        u.vm_name, u.labels
    FROM uses AS u
    JOIN models AS m ON m.node = u.node AND m.gpu_model_name = u.gpu_model_name
    UNION ALL
    SELECT
        usage_start, 'GPU unallocated', node, NULL, gpu_vendor_name, gpu_model_name, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        gpu_slices, slice_seconds, NULL, {{ m.no_labels() }}
    FROM unallocated
    WHERE slice_seconds > 0
),
{% set namespaces %}SELECT namespace FROM {{ datasets.ocp_gpu_days }} UNION SELECT 'GPU unallocated'{% endset %}
{% include 'cost_groups.sql' %}
SELECT
    {{ source_key }} AS cluster_id,
    {{ source_name }} AS cluster_alias,
    r.usage_start,
    r.usage_start AS usage_end,
    'GPU' AS data_source,
    r.namespace,
    nullif(r.node, '') AS node,
    nullif(r.gpu_uuid, '') AS resource_id,
    r.gpu_vendor_name AS gpu_vendor,
    r.gpu_model_name AS gpu_model,
    r.gpu_mode,
    r.mig_profile,
    r.mig_instance_id,
    r.mig_slice_count,
    r.max_slices AS gpu_max_slices,
    r.gpu_slices,
    {{ m.figure('r.mib * 0.001048576' | sql) }} AS gpu_memory_gigabytes,
    {{ m.div('r.mig_mib' | sql, '1024' | sql) }} AS mig_memory_gigabytes,
    {{ m.figure('r.slice_seconds' | sql) }} AS gpu_slice_seconds,
    g.cost_group_id AS cost_category_id,
    r.vm_name,
    CASE WHEN r.vm_name IS NOT NULL THEN {{ m.labels_store('r.labels' | sql) }} END AS vm_labels
FROM all_rows AS r
LEFT JOIN categories AS g ON g.namespace = r.namespace
