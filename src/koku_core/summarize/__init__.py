"""Line items become the daily summary, its costs and rollups: published for one source and month in one transaction."""
