-- Dashboards as they were asked for. `panels` is what the request came to, so that a dashboard goes on meaning it.
CREATE TABLE dashboard (
    id              text PRIMARY KEY,
    name            text        NOT NULL,
    request         text        NOT NULL,
    lang            text        NOT NULL CHECK (lang IN ('ko', 'en')),
    panels          jsonb       NOT NULL,
    notes           text[]      NOT NULL,
    owner           text        NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    idempotency_key text,
    UNIQUE (owner, idempotency_key)
);
CREATE INDEX dashboard_by_time ON dashboard (created_at DESC, id DESC);
