"""Where signals come from: our own probes and figures, the supervisor's events, Alertmanager, anything else."""
