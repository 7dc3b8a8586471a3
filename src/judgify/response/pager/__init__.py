"""Pages: from a row of the outbox to words for one person, handed to a channel, with an honest outcome."""
