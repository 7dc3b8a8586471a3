"""The channels, one file each."""
