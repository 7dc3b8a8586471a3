"""What runs the platform's units, behind one port: the local supervisor, or memory for simulations and tests."""
