{# What DuckDB (>= 1.5) spells in its own way; every macro is told in the file of PostgreSQL's.

   A label column of a dataset is JSON text; labels that a macro made are a map in the order of its keys, as DuckDB takes maps of another
   order for others. #}

{# not for templates #}
{% macro _map(labels) %}cast(cast({{ labels }} AS json) AS map(varchar, varchar)){% endmacro %}
{% macro _none() %}cast(map {} AS map(varchar, varchar)){% endmacro %}

{% macro labels_keep(labels, keys) %}coalesce(map_from_entries(list_sort(list_filter(map_entries({{ _map(labels) }}), lambda e: coalesce(list_contains({{ keys }}, e.key), false)))), {{ _none() }}){% endmacro %}
{% macro labels_merge(left, right) %}map_from_entries(list_sort(map_entries(map_concat(coalesce({{ left }}, {{ _none() }}), coalesce({{ right }}, {{ _none() }}))))){% endmacro %}
{% macro label_get(labels, key) %}map_extract_value({{ _map(labels) }}, {{ key }}){% endmacro %}
{% macro labels_text(labels) %}coalesce(array_to_string(list_sort(list_transform(map_entries({{ _map(labels) }}), lambda e: e.key || chr(1) || e.value)), chr(2)), ''){% endmacro %}
{% macro labels_store(labels) %}cast(to_json({{ labels }}) AS varchar){% endmacro %}
{% macro no_labels() %}cast(NULL AS map(varchar, varchar)){% endmacro %}
{% macro labels_parse(text) %}map_from_entries(list_sort(map_entries({{ _map(text) }}))){% endmacro %}
{% macro labels_each(labels, name) %}CROSS JOIN (SELECT unnest(map_entries({{ _map(labels) }}), recursive := true)) AS {{ name }} (key, value){% endmacro %}

{# a quotient of DuckDB is a float, and a product has no more room than 38 digits #}
{% macro div(a, b) %}exact_quotient(cast({{ a }} AS varchar), cast(nullif({{ b }}, 0) AS varchar)){% endmacro %}
{% macro product(a, b) %}exact_product(cast({{ a }} AS varchar), cast({{ b }} AS varchar)){% endmacro %}
{% macro figure(x) %}cast({{ x }} AS decimal(33, 15)){% endmacro %}

{% macro in_array(x, values) %}list_contains({{ values }}, {{ x }}){% endmacro %}
{% macro texts(x) %}array_agg(DISTINCT {{ x }}){% endmacro %}
{% macro joined(x, separator) %}array_to_string(array_agg(DISTINCT {{ x }} ORDER BY {{ x }}) FILTER (WHERE {{ x }} IS NOT NULL), {{ separator }}){% endmacro %}
{% macro found(x, pattern) %}CASE WHEN regexp_matches({{ x }}, {{ pattern }}) THEN regexp_extract({{ x }}, {{ pattern }}, 1) END{% endmacro %}

{% macro days_between(first, last) %}date_diff('day', {{ first }}, {{ last }}){% endmacro %}
{% macro seconds_between(first, last) %}date_sub('second', {{ first }}, {{ last }}){% endmacro %}
