{# What of each usage row can be multiplied by a price. #}
quantities AS (
    SELECT
        u.usage_row,
        u.usage_start,
        u.pod_labels,
        u.volume_labels,
        u.pod_usage_cpu_core_hours,
        u.pod_request_cpu_core_hours,
        u.pod_effective_usage_cpu_core_hours,
        u.pod_usage_memory_gigabyte_hours,
        u.pod_request_memory_gigabyte_hours,
        u.pod_effective_usage_memory_gigabyte_hours,
        u.persistentvolumeclaim_usage_gigabyte_months,
        u.volume_request_storage_gigabyte_months,
        u.vm_hours,
        u.vm_core_hours,
        u.gpu_slice_seconds / nullif(u.gpu_slices * 86400 * {{ days_in_month }}, 0) AS gpu_months,
        {# the row's part of its node's cores, of the hours that the cluster was up, and of the cluster's month #}
        {% if distribution_type == 'memory' %}
        u.pod_effective_usage_memory_gigabyte_hours * u.node_capacity_cpu_core_hours
            / nullif(u.node_capacity_memory_gigabyte_hours, 0) AS core_hours,
        u.pod_effective_usage_memory_gigabyte_hours * u.node_capacity_memory_gigabyte_hours
            / nullif(u.cluster_capacity_memory_gigabyte_hours * u.node_capacity_memory_gigabytes, 0) AS cluster_hours,
        u.pod_effective_usage_memory_gigabyte_hours
            / nullif(u.cluster_capacity_memory_gigabyte_hours * {{ days_in_month }}, 0) AS cluster_months
        {% else %}
        u.pod_effective_usage_cpu_core_hours AS core_hours,
        u.pod_effective_usage_cpu_core_hours * u.node_capacity_cpu_core_hours
            / nullif(u.cluster_capacity_cpu_core_hours * u.node_capacity_cpu_cores, 0) AS cluster_hours,
        u.pod_effective_usage_cpu_core_hours
            / nullif(u.cluster_capacity_cpu_core_hours * {{ days_in_month }}, 0) AS cluster_months
        {% endif %}
    FROM {{ usage }} AS u
    WHERE u.namespace IS NOT NULL
)
