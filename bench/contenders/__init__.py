"""The servers that do the same work side by side, one file each."""
