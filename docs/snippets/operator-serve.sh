export KOKU_TRUST_IDENTITY_HEADER=false
koku serve --host 0.0.0.0 --port 8443 --tls-cert koku.crt --tls-key koku.key
