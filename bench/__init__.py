"""What it costs, as ratios within one run: machines differ, ratios less so. `make bench`."""
