export KOKU_TENANT=acme
koku accounts add prod-cluster > client_secret # shown this once; only a salted hash of it is stored
koku accounts list
