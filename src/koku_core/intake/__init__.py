"""From an upload to line items in the lake: archives, kept files, deliveries, ingestion."""
