-- One row per judgment. `record` is json, not jsonb: it is kept as it was answered, and a text may hold \u0000.
CREATE TABLE executions (
    id               text        NOT NULL,
    created_at       timestamptz NOT NULL,
    workflow_id      text        NOT NULL,
    workflow_name    text        NOT NULL,
    workflow_version int         NOT NULL,
    method_used      text        NOT NULL,
    verdict          text        NOT NULL,
    result           text,
    degraded         boolean     NOT NULL,
    time_ms          real        NOT NULL,
    record           json        NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX executions_by_time ON executions (created_at DESC, id DESC);
CREATE INDEX executions_by_workflow ON executions (workflow_id, created_at DESC, id DESC);

-- A month's partition, in UTC; the name is the month. Several writers may ask at once.
CREATE FUNCTION ensure_month(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    name  text := 'executions_' || to_char(first, 'YYYYMM');
BEGIN
    IF to_regclass('judgment.' || name) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('judgment.ensure_month'));
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS judgment.%I PARTITION OF judgment.executions FOR VALUES FROM (%L) TO (%L)',
            name, first::text || '+00', (first + interval '1 month')::text || '+00');
    END IF;
END
$$;

-- Executions that came with an idempotency key: their id is made from the key, and the first one stands.
CREATE TABLE idempotent (
    id           text PRIMARY KEY,
    created_at   timestamptz NOT NULL,
    input_sha256 text NOT NULL
);

-- Orders to the action service, written with the execution that they follow from; worked off by kit.outbox.
CREATE TABLE outbox (
    id            text PRIMARY KEY,
    execution_id  text NOT NULL,
    body          json NOT NULL,
    created_at    timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
    due_at        timestamptz NOT NULL,
    lease         text,
    attempts      int NOT NULL DEFAULT 0,
    attempts_left int NOT NULL DEFAULT 1000000,
    last_outcome  text,
    last_detail   text,
    finished_at   timestamptz
);

CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'waiting';

CREATE TABLE attempt (
    row_id      text NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    number      int NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    outcome     text NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (row_id, number)
);
