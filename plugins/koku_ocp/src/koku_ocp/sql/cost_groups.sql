{# One cost group for each namespace of the query `namespaces`, however many patterns match. #}
categories AS (
    SELECT s.namespace, max(g.cost_group_id) AS cost_group_id
    FROM (
        {{ namespaces }}
    ) AS s
    JOIN {{ datasets.cost_groups }} AS g ON s.namespace LIKE g.pattern ESCAPE '\'
    GROUP BY 1
)
