{# Charges each project once a day by the labels of its namespace, on the nodes that it is on alike; one without pods pays all the same. The
   namespaces of OpenShift and Kubernetes themselves pay nothing. #}
WITH {% include 'tag_prices.sql' %},
projects AS (
    SELECT d.*, p.rate_name, p.metric, p.cost_type,
        coalesce(cast(p.by_value ->> (d.namespace_labels ->> p.tag_key) AS numeric), p.by_default) AS price
    FROM {{ details.ocp_project_days }} AS d
    JOIN prices AS p ON p.usage_start = d.usage_start AND d.namespace_labels ->> p.tag_key IS NOT NULL
    WHERE d.namespace NOT LIKE 'kube-%' AND d.namespace NOT LIKE 'openshift-%' AND d.namespace <> 'openshift'
),
nodes AS (
    SELECT
        usage_start, namespace, node, (array_agg(usage_row ORDER BY vm_name NULLS FIRST))[1] AS usage_row,
        max(resource_id) AS resource_id,
        count(*) OVER (PARTITION BY usage_start, namespace) AS nodes
    FROM {{ usage }}
    WHERE data_source = 'Pod' AND node IS NOT NULL
    GROUP BY 1, 2, 3
)
SELECT
    n.usage_row AS beside,
    d.rate_name,
    d.metric,
    d.cost_type AS cost_model_rate_type,
    'Tag' AS monthly_cost_type,
    d.cluster_id,
    d.cluster_alias,
    d.usage_start,
    d.usage_start AS usage_end,
    'Pod' AS data_source,
    d.namespace,
    n.node,
    n.resource_id,
    d.namespace_labels AS pod_labels,
    d.namespace_labels AS all_labels,
    d.cost_category_id,
    d.price / ({{ days_in_month }} * coalesce(n.nodes, 1)) AS cost_model_cpu_cost
FROM projects AS d
LEFT JOIN nodes AS n ON n.usage_start = d.usage_start AND n.namespace = d.namespace
WHERE d.price IS NOT NULL
