"""What plugins of clouds have in common: finding bills, reading them row by row or by columns, exact numbers, maps of tags, months."""
