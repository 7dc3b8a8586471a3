"""Judgify-core: the services that judge, act on the verdict, log it and show it."""
