ask() { curl --silent --show-error --fail --cacert koku.crt "$@"; }

token=$(ask "$KOKU_URL/auth/token" -d grant_type=client_credentials -d client_id=prod-cluster -d "client_secret=$(cat client_secret)" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
ask -H "Authorization: Bearer $token" "$KOKU_URL/api/sources/v1.0/source_types?filter%5Bname%5D=openshift"
ask -H "Authorization: Bearer $token" "$KOKU_URL/api/ingress/v1/upload" \
    -F "file=@payload.2026_10.tar.gz;type=application/vnd.redhat.hccm.tar+tgz"
