{# What part of its volume claim each row is: a claim has one for each node that mounts it and for each change of its labels. #}
claims AS (
    SELECT
        u.usage_row,
        u.usage_start,
        u.volume_labels,
        u.persistentvolumeclaim_capacity_gigabyte_months AS part,
        sum(u.persistentvolumeclaim_capacity_gigabyte_months) OVER (
            PARTITION BY u.usage_start, u.namespace, u.persistentvolumeclaim
        ) AS whole
    FROM {{ usage }} AS u
    WHERE u.namespace IS NOT NULL AND u.data_source = 'Storage' AND u.persistentvolumeclaim IS NOT NULL
        AND u.persistentvolumeclaim_capacity_gigabyte_months <> 0
)
