{# Whether what a statement says is true. #}
SELECT probe.given FROM {{ probe }} AS probe (given)
