{# Who gives the day's cost and who takes it, by effective usage. #}
{% set chosen = distribution.params %}
{% set group = cost_groups[chosen.group] %}
SELECT
    usage_row,
    {% if chosen.source %}
    namespace = {{ chosen.source }} AS gives,
    {% else %}
    coalesce(cost_category_id = {{ group }}, false) AS gives,
    {% endif %}
    {% if distribution_type == 'memory' %}
    pod_effective_usage_memory_gigabyte_hours AS weight,
    {% else %}
    pod_effective_usage_cpu_core_hours AS weight,
    {% endif %}
    {% if chosen.keeps_currency %}
    raw_currency,
    {% endif %}
    {{ chosen.rate_type }} AS cost_model_rate_type
FROM {{ usage }}
WHERE namespace IS NOT NULL AND NOT {{ m.in_array('namespace' | sql, chosen.left_out) }}
    {% if chosen.source %}
    AND cost_category_id IS DISTINCT FROM {{ group }}
    {% endif %}
