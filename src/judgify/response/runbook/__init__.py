"""Runbooks at work: what runs by itself, what asks first, how each step is shown, done, verified and undone."""
