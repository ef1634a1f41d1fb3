from koku_core import Koku, Rate

koku = Koku.open()  # embedded PostgreSQL, local lake, tenant "default"
prod = koku.sources.add("ocp", name="prod", cluster_id="my-ocp-cluster-1")
koku.cost_models.add(
    "list prices",
    sources=[prod],
    markup=10,
    rates=[Rate("cpu_core_usage_per_hour", 0.007), Rate("node_cost_per_month", 1000)],
)
print(koku.ingest(prod, "payload.2026_10.tar.gz"))  # what came in, per file and day

costs = koku.report("openshift/costs", group_by="project", months=-2, resolution="monthly")
print(costs)  # a table, in a notebook too
costs.plot().save("costs.png")  # a chart; in a notebook `costs.plot()` shows it
print(costs.to_arrow().schema)  # columns with types and units
print(koku.daily_summary(prod, month=koku.services.clock.today().replace(day=1)).num_rows)
for finding in koku.doctor():  # what is wrong with my data, and how to mend it
    print(finding.where, finding.what, finding.do)
koku.close()
