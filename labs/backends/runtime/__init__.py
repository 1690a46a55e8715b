"""One file for each device, named as tinygrad looks for it: ops_<device>.py."""
