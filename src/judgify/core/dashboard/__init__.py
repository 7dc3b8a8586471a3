"""The dashboard service: a request in words becomes panels, run, checked, kept and shown live."""
