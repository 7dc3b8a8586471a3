"""The notification service: takes messages for people, sends them through `notify`, and keeps what became of each."""
