{# A row for each case, a column for each thing that macros must do alike. #}
{% set stored %}s.labels{% endset %}
{% set keys %}enabled.keys{% endset %}
WITH cases AS (SELECT * FROM {{ datasets.macro_cases }} AS c),
enabled AS (SELECT array_agg(key) AS keys FROM {{ datasets.enabled_tag_keys }}),
no_keys AS (SELECT array_agg(a.x) AS keys FROM (SELECT 'a' AS x WHERE false) AS a),
each AS (SELECT sum(length(e.value)) AS each_length FROM cases AS s {{ m.labels_each(stored, 'e' | ident) }}),
words AS (
    SELECT {{ m.joined('w.x' | sql, ', ') }} AS joined, {{ m.texts('w.x' | sql) }} AS texts
    FROM (SELECT word AS x FROM cases UNION ALL SELECT 'B' UNION ALL SELECT NULL UNION ALL SELECT word FROM cases) AS w
)
SELECT
    s.usage_start,
    {{ m.labels_store(m.labels_keep(stored, keys)) }} AS kept,
    {{ m.labels_store(m.labels_keep('s.absent' | sql, keys)) }} AS kept_of_none,
    {{ m.labels_store(m.labels_keep(stored, 'n.keys' | sql)) }} AS kept_without_keys,
    {{ m.labels_store(m.labels_merge(m.labels_keep(stored, keys), m.labels_parse("s.other" | sql))) }} AS merged,
    {{ m.labels_store(m.labels_merge(m.no_labels(), m.labels_parse("s.other" | sql))) }} AS merged_with_none,
    {{ m.labels_store(m.no_labels()) }} AS none,
    {{ m.label_get(stored, 'emoji') }} AS got,
    {{ m.label_get(stored, 'missing') }} AS missing,
    {{ m.labels_text(stored) }} AS as_text,
    rank() OVER (ORDER BY s.place DESC NULLS LAST, {{ m.labels_text(stored) }}) AS place,
    each.each_length,
    {{ m.in_array('s.word' | sql, "ARRAY['a', 'axe']" | sql) }} AS is_in,
    {{ m.div('s.large' | sql, 's.small' | sql) }} AS quotient,
    {{ m.div('s.large' | sql, '2 + s.half' | sql) }} AS half_quotient,
    {{ m.div('s.large' | sql, 's.small - s.small' | sql) }} AS by_zero,
    {{ m.div('- s.small' | sql, '3' | sql) }} AS negative,
    {{ m.div('2' | sql, '3' | sql) }} AS whole_numbers,
    {{ m.product('s.large' | sql, 's.small' | sql) }} AS product,
    {{ m.product('- s.large' | sql, 's.small' | sql) }} AS negative_product,
    {{ m.product('s.half' | sql, 's.half' | sql) }} AS small_product,
    {{ m.figure('s.small' | sql) }} AS figure,
    {{ m.days_between('s.first' | sql, 's.last' | sql) }} AS days,
    {{ m.seconds_between('cast(s.first AS timestamp)' | sql, 'cast(s.last AS timestamp)' | sql) }} AS seconds,
    words.joined,
    {{ m.found('s.word' | sql, '([a-z])x') }} AS found,
    {{ m.found('s.word' | sql, '(q)') }} AS not_found,
    {{ m.in_array('s.word' | sql, 'words.texts' | sql) }} AS among
FROM cases AS s
CROSS JOIN enabled
CROSS JOIN no_keys AS n
CROSS JOIN each
CROSS JOIN words
