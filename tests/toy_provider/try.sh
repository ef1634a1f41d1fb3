koku sample acme                                          # writes a folder `bills`
export KOKU_LOCAL_SOURCES=$PWD
koku sources add acme shop account=shop token=secret folder=bills
koku tags enable acme app env
koku refresh shop
koku report acme/costs --group-by service --months -2 --resolution monthly
koku report acme/storage --group-by tag:env --csv
koku doctor
