{# One row for each day, resource and set of enabled tags. #}
SELECT usage_start, account, region, service, resource, unit, currency, {{ m.labels_store('kept' | sql) }} AS tags, usage, cost
FROM (
    SELECT usage_start, account, region, service, resource, unit, currency, kept, sum(usage) AS usage, sum(cost) AS cost
    FROM (
        SELECT i.*, {{ m.labels_keep('i.tags' | sql, 'enabled.keys' | sql) }} AS kept
        FROM {{ datasets.acme_line_items }} AS i
        CROSS JOIN (SELECT array_agg(key) AS keys FROM {{ datasets.enabled_tag_keys }}) AS enabled
    ) AS items
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
) AS days
