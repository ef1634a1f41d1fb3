"""Line-item questions: which line items are behind a figure of a report."""
