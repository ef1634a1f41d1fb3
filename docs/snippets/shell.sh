koku sources add ocp prod cluster_id=my-ocp-cluster-1
koku ingest prod payload.2026_10.tar.gz
koku tags enable ocp app environment
koku report openshift/costs --group-by project --months -2 --resolution monthly
koku report openshift/costs --group-by project=shop,payments --days -10 --csv > costs.csv
koku report openshift/compute --group-by node --months -2 --json > compute.json
koku report openshift/costs --group-by project --days -30 --plot costs.svg
koku jobs
koku doctor
