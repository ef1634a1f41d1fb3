pg_dump --format=custom --file=koku.dump "$KOKU_DATABASE_URL"
tar -C "$KOKU_DATA_DIR" -cf lake.tar lake secret.key
