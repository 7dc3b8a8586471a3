-- A breaker for each channel, and message templates: every change is a version of its own, none is ever rewritten.
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (channel, due_at) WHERE state = 'waiting';
CREATE INDEX delivery_message ON delivery (message_id, state);

ALTER TABLE delivery
    ADD COLUMN resends int NOT NULL DEFAULT 0,
    ADD COLUMN resent_by text;

CREATE TABLE breaker (
    target       text PRIMARY KEY,
    failures     int NOT NULL,
    retry_at     timestamptz,
    last_outcome text,
    changed_at   timestamptz NOT NULL
);

CREATE TABLE template (
    name       text NOT NULL,
    version    int NOT NULL,
    texts      json NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);
