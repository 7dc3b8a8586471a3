"""The guide as data: schema, loader, checks. `load_guide(default_guide_dir())` gives the frozen `Guide`."""
