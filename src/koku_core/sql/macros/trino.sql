{# What Trino (>= 476) spells in its own way. Same macros, same meaning, in every engine's file.

   A label column of a dataset is JSON text; labels that a macro made are a map. Decimals have 38 digits at most, and a division has as
   many decimals as the more exact of its two sides: so the divisor gets the 15 that the result must have, and the dividend keeps its size. #}

{# a label column as a map; not for templates #}
{% macro _map(labels) %}cast(json_parse({{ labels }}) AS map(varchar, varchar)){% endmacro %}

{# the labels whose key is one of `keys` (an array expression) #}
{% macro labels_keep(labels, keys) %}coalesce(map_filter({{ _map(labels) }}, (k, v) -> coalesce(contains({{ keys }}, k), false)), cast(map() AS map(varchar, varchar))){% endmacro %}

{# both, the right one winning; null counts as none #}
{% macro labels_merge(left, right) %}map_concat(coalesce({{ left }}, cast(map() AS map(varchar, varchar))), coalesce({{ right }}, cast(map() AS map(varchar, varchar)))){% endmacro %}

{# the value of a key, null if it is missing #}
{% macro label_get(labels, key) %}element_at({{ _map(labels) }}, {{ key }}){% endmacro %}

{# exact to 15 decimals on every engine; null if the divisor is 0 #}
{% macro div(a, b) %}(({{ a }}) / nullif(cast({{ b }} AS decimal(38, 15)), 0)){% endmacro %}

{# whether x is in an array #}
{% macro in_array(x, values) %}contains({{ values }}, {{ x }}){% endmacro %}

{# a number of decimals that every summary figure has #}
{% macro figure(x) %}cast({{ x }} AS decimal(33, 15)){% endmacro %}

{# distinct values of a text, as an array expression #}
{% macro texts(x) %}array_agg(DISTINCT {{ x }}){% endmacro %}

{# a label column as text, to put it in an order that is the same on every engine #}
{% macro labels_text(labels) %}coalesce(array_join(array_sort(transform(map_entries({{ _map(labels) }}), e -> e[1] || chr(1) || e[2])), chr(2)), ''){% endmacro %}

{# labels that a macro made, as a label column holds them #}
{% macro labels_store(labels) %}json_format(cast({{ labels }} AS json)){% endmacro %}

{# no labels: null, where labels are expected #}
{% macro no_labels() %}cast(NULL AS map(varchar, varchar)){% endmacro %}

{# labels from a text of JSON, as macros hand them on #}
{% macro labels_parse(text) %}{{ _map(text) }}{% endmacro %}

{# after FROM: a row for each label of a label column, as `name` (key, value) #}
{% macro labels_each(labels, name) %}CROSS JOIN unnest({{ _map(labels) }}) AS {{ name }} (key, value){% endmacro %}

{# a product of two figures, exact to 15 decimals on every engine: 38 digits have no room for 30 decimals, so the parts before and after
   the point are multiplied apart #}
{% macro _figure(x) %}cast({{ x }} AS decimal(38, 15)){% endmacro %}
{% macro _part(x) %}({{ _figure(x) }} - truncate({{ _figure(x) }})){% endmacro %}
{% macro product(a, b) %}(truncate({{ _figure(a) }}) * {{ _figure(b) }} + {{ _part(a) }} * truncate({{ _figure(b) }}) + cast(cast({{ _part(a) }} AS decimal(15, 15)) * cast({{ _part(b) }} AS decimal(15, 15)) AS decimal(38, 15))){% endmacro %}

{# whole days from one date to another #}
{% macro days_between(first, last) %}date_diff('day', {{ first }}, {{ last }}){% endmacro %}

{# whole seconds from one timestamp to another #}
{% macro seconds_between(first, last) %}date_diff('second', {{ first }}, {{ last }}){% endmacro %}

{# the distinct values of a text, in order, with `separator` between them; null if there are none #}
{% macro joined(x, separator) %}array_join(array_agg(DISTINCT {{ x }} ORDER BY {{ x }}) FILTER (WHERE {{ x }} IS NOT NULL), {{ separator }}){% endmacro %}

{# what the first group of a regular expression finds in a text; null if it does not match #}
{% macro found(x, pattern) %}regexp_extract({{ x }}, {{ pattern }}, 1){% endmacro %}
