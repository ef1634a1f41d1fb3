{# What each row has of its node's capacity, and of the cluster's. #}
node_rows AS (
    SELECT
        u.usage_row,
        u.usage_start,
        u.namespace,
        u.node,
        u.pod_labels,
        u.node_capacity_cpu_cores,
        u.node_capacity_cpu_core_hours,
        {% if distribution_type == 'memory' %}
        u.pod_effective_usage_memory_gigabyte_hours AS used,
        u.node_capacity_memory_gigabyte_hours AS node_capacity,
        u.cluster_capacity_memory_gigabyte_hours AS cluster_capacity
        {% else %}
        u.pod_effective_usage_cpu_core_hours AS used,
        u.node_capacity_cpu_core_hours AS node_capacity,
        u.cluster_capacity_cpu_core_hours AS cluster_capacity
        {% endif %}
    FROM {{ usage }} AS u
    WHERE u.namespace IS NOT NULL AND u.data_source = 'Pod'
)
