{# The projects of each day with their own labels, also those without pods: what a project's price is of. #}
WITH {% include 'label_sets.sql' %}
{% set namespaces %}SELECT DISTINCT namespace FROM namespace_labels{% endset %}
{% include 'cost_groups.sql' %}
SELECT
    {{ source_key }} AS cluster_id,
    {{ source_name }} AS cluster_alias,
    s.usage_start,
    s.namespace,
    {{ m.labels_store('s.labels' | sql) }} AS namespace_labels,
    g.cost_group_id AS cost_category_id
FROM namespace_labels AS s
LEFT JOIN categories AS g ON g.namespace = s.namespace
