mkdir -p "$KOKU_DATA_DIR"
tar -C "$KOKU_DATA_DIR" -xf lake.tar
pg_restore --no-owner --exit-on-error --dbname="$KOKU_DATABASE_URL" koku.dump
koku migrate
koku doctor
