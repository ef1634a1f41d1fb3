{# Units and accounts of each day; what has no unit is not in the tree. #}
SELECT DISTINCT
    usage_start,
    nullif(usage_account_id, '') AS usage_account_id,
    nullif(account_alias, '') AS account_alias,
    organizational_unit_id,
    organizational_unit_name,
    organizational_unit_path
FROM {{ datasets.aws_organization }}
WHERE organizational_unit_path <> ''
