{# The column that `into` of a metric says: that of the resource by which cost is spread, if it is `distributed`. #}
{% for column, kind in (
    ('cost_model_cpu_cost', 'cpu'), ('cost_model_memory_cost', 'memory'), ('cost_model_volume_cost', 'volume'), ('cost_model_gpu_cost', 'gpu'),
) %}
    CASE metric WHEN NULL THEN cost{% for name, metric in metrics.items() %}
{% if metric.into == kind or (metric.into == 'distributed' and distribution_type == kind) %}
 WHEN {{ name }} THEN cost{% endif %}
{% endfor %} END AS {{ column | ident }}{{ ',' | sql if not loop.last else '' | sql }}
{% endfor %}
