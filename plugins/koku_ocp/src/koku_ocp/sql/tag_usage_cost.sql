{# Prices what labelled rows used: each pays the price of its value. `labels` of a metric says which labels of the row, `quantity` and `into` what
   and where. #}
WITH {% include 'tag_prices.sql' %},
{% include 'quantities.sql' %},
labelled AS (
    SELECT
        u.usage_row,
        p.cost_type,
        p.rate_name,
        p.metric,
        p.by_value,
        p.by_default,
        CASE p.metric{% for name, metric in metrics.items() %} WHEN {{ name }} THEN u.{{ metric.labels | ident }}{% endfor %} END ->> p.tag_key AS label,
        CASE p.metric{% for name, metric in metrics.items() %} WHEN {{ name }} THEN u.{{ metric.quantity | ident }}{% endfor %} END AS quantity
    FROM quantities AS u
    JOIN prices AS p ON p.usage_start = u.usage_start
),
costs AS (
    SELECT usage_row, cost_type, rate_name, metric, quantity * coalesce(cast(by_value ->> label AS numeric), by_default) AS cost
    FROM labelled
    WHERE label IS NOT NULL
)
SELECT
    usage_row,
    rate_name,
    metric,
    cost_type AS cost_model_rate_type,
    'Tag' AS monthly_cost_type,
    {% include 'cost_columns.sql' %}
FROM costs
WHERE cost IS NOT NULL
