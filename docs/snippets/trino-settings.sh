export KOKU_DATABASE_URL=postgresql://koku:secret@postgres.example/koku
export KOKU_LAKE_URL=s3://bucket/lake AWS_ENDPOINT_URL_S3=https://s3.example
export KOKU_EXECUTOR=trino
export KOKU_TRINO_URL='https://koku:secret@trino.example:8443/lake?session.query_max_run_time=30m'
