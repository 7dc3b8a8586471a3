-- Orders to act, and every try to carry one out. params and context are json, not jsonb: they are kept as they came.
CREATE TABLE action (
    id              text PRIMARY KEY,
    requested_by    text NOT NULL,
    idempotency_key text NOT NULL,
    digest          text NOT NULL,
    type            text NOT NULL CHECK (type IN ('webhook', 'notify')),
    name            text,
    params          json NOT NULL,
    context         json NOT NULL,
    execution_id    text,
    workflow_id     text,
    request_id      text,
    created_at      timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
    due_at          timestamptz NOT NULL,
    lease           text,
    attempts        int NOT NULL DEFAULT 0,
    attempts_left   int NOT NULL,
    last_outcome    text,
    last_detail     text,
    finished_at     timestamptz,
    UNIQUE (requested_by, idempotency_key)
);
CREATE INDEX action_due ON action (due_at) WHERE state = 'waiting';
CREATE INDEX action_dead ON action (id DESC) WHERE state = 'dead';
CREATE INDEX action_execution ON action (execution_id) WHERE execution_id IS NOT NULL;

CREATE TABLE attempt (
    row_id      text NOT NULL REFERENCES action (id) ON DELETE CASCADE,
    number      int NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    outcome     text NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (row_id, number)
);
