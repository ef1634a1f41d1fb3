{# What PostgreSQL (>= 15) spells in its own way. Same macros, same meaning, in every engine's file.

   Labels come in two forms: as a label column of a dataset stores them, and as the macros hand them on (PostgreSQL has one type for both).
   labels_keep, label_get and labels_text take stored ones; labels_keep and labels_merge give such that labels_merge, GROUP BY and
   labels_store take. #}

{# the labels whose key is one of `keys` (an array expression) #}
{% macro labels_keep(labels, keys) %}coalesce((SELECT jsonb_object_agg(e.k, e.v) FROM jsonb_each({{ labels }}) AS e(k, v) WHERE e.k = ANY({{ keys }})), '{}'::jsonb){% endmacro %}

{# both, the right one winning; null counts as none #}
{% macro labels_merge(left, right) %}(coalesce({{ left }}, '{}'::jsonb) || coalesce({{ right }}, '{}'::jsonb)){% endmacro %}

{# the value of a key, null if it is missing #}
{% macro label_get(labels, key) %}({{ labels }} ->> {{ key }}){% endmacro %}

{# exact to 15 decimals on every engine; null if the divisor is 0 #}
{% macro div(a, b) %}round(cast({{ a }} AS numeric(100, 18)) / nullif({{ b }}, 0), 15){% endmacro %}

{# whether x is in an array #}
{% macro in_array(x, values) %}({{ x }} = ANY({{ values }})){% endmacro %}

{# a number of decimals that every summary figure has #}
{% macro figure(x) %}cast({{ x }} AS numeric(33, 15)){% endmacro %}

{# distinct values of a text, as an array expression #}
{% macro texts(x) %}array_agg(DISTINCT {{ x }}){% endmacro %}

{# a label column as text, to put it in an order that is the same on every engine #}
{% macro labels_text(labels) %}coalesce((SELECT string_agg(e.k || chr(1) || e.v, chr(2) ORDER BY (e.k || chr(1) || e.v) COLLATE "C") FROM jsonb_each_text({{ labels }}) AS e(k, v)), '') COLLATE "C"{% endmacro %}

{# labels that a macro made, as a label column holds them #}
{% macro labels_store(labels) %}{{ labels }}{% endmacro %}

{# no labels: null, where labels are expected #}
{% macro no_labels() %}cast(NULL AS jsonb){% endmacro %}

{# labels from a text of JSON, as macros hand them on #}
{% macro labels_parse(text) %}cast({{ text }} AS jsonb){% endmacro %}

{# after FROM: a row for each label of a label column, as `name` (key, value) #}
{% macro labels_each(labels, name) %}CROSS JOIN LATERAL jsonb_each_text({{ labels }}) AS {{ name }} (key, value){% endmacro %}

{# a product of two figures, exact to 15 decimals on every engine #}
{% macro product(a, b) %}round(cast({{ a }} AS numeric) * ({{ b }}), 15){% endmacro %}

{# whole days from one date to another #}
{% macro days_between(first, last) %}(({{ last }}) - ({{ first }})){% endmacro %}

{# whole seconds from one timestamp to another #}
{% macro seconds_between(first, last) %}cast(trunc(extract(epoch FROM ({{ last }}) - ({{ first }}))) AS bigint){% endmacro %}

{# the distinct values of a text, in order, with `separator` between them; null if there are none #}
{% macro joined(x, separator) %}array_to_string(array_agg(DISTINCT ({{ x }}) COLLATE "C" ORDER BY ({{ x }}) COLLATE "C") FILTER (WHERE ({{ x }}) IS NOT NULL), {{ separator }}){% endmacro %}

{# what the first group of a regular expression finds in a text; null if it does not match #}
{% macro found(x, pattern) %}substring({{ x }} FROM {{ pattern }}){% endmacro %}
