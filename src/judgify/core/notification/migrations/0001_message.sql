-- Messages to people, one delivery for each channel, and every try of a delivery.
CREATE TABLE message (
    id              text PRIMARY KEY,
    requested_by    text NOT NULL,
    idempotency_key text NOT NULL,
    digest          text NOT NULL,
    content         json NOT NULL,
    subject         text NOT NULL,
    source          text,
    request_id      text,
    created_at      timestamptz NOT NULL,
    UNIQUE (requested_by, idempotency_key)
);

CREATE TABLE delivery (
    id              text PRIMARY KEY,
    message_id      text NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    channel         text NOT NULL,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
    due_at          timestamptz NOT NULL,
    lease           text,
    attempts        int NOT NULL DEFAULT 0,
    attempts_left   int NOT NULL,
    last_outcome    text,
    last_detail     text,
    finished_at     timestamptz,
    UNIQUE (message_id, channel)
);
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting';

CREATE TABLE attempt (
    row_id      text NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number      int NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    outcome     text NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (row_id, number)
);
