"""What a plugin declares: columns, datasets, facts, steps, reports. Data, no behaviour."""
