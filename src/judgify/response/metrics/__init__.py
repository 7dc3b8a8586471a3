"""The engine's own window on the platform's metrics: it goes on working when the platform, or Prometheus, is gone."""
