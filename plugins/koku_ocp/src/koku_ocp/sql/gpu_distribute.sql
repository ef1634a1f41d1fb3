{# What was left of a node's GPUs of one model goes to the namespaces that used such GPUs there, by slices and time. #}
SELECT
    usage_row,
    namespace = {{ distribution.params.source }} AS gives,
    gpu_slice_seconds AS weight,
    concat_ws(' ', node, gpu_vendor, gpu_model) AS pool,
    {{ distribution.params.rate_type }} AS cost_model_rate_type
FROM {{ usage }}
WHERE data_source = 'GPU' AND namespace IS NOT NULL
