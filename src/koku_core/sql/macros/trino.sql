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
