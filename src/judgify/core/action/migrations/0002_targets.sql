-- Each order names whom it goes to, so that one target's failures stay its own; dead orders can be given up by hand.
ALTER TABLE action
    DROP CONSTRAINT action_type_check,
    ADD CONSTRAINT action_type_check CHECK (type IN ('webhook', 'slack', 'email', 'notify')),
    DROP CONSTRAINT action_state_check,
    ADD CONSTRAINT action_state_check CHECK (state IN ('waiting', 'done', 'dead', 'discarded')),
    ADD COLUMN target text NOT NULL DEFAULT 'notification',
    ADD COLUMN replays int NOT NULL DEFAULT 0,
    ADD COLUMN decided_by text,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN discard_reason text;

-- Orders that are already here: host and port of the address, as the program writes them.
UPDATE action
SET target = lower(substring(params ->> 'url' FROM '^https?://(\[[^\]]*\]|[^/:?#]+)'))
    || ':' || coalesce(substring(params ->> 'url' FROM '^https?://(?:\[[^\]]*\]|[^/:?#]+):([0-9]+)'),
                       CASE WHEN params ->> 'url' LIKE 'https:%' THEN '443' ELSE '80' END)
WHERE type = 'webhook' AND params ->> 'url' ~ '^https?://(\[[^\]]*\]|[^/:?#]+)';

DROP INDEX action_due;
CREATE INDEX action_due ON action (target, due_at) WHERE state = 'waiting';

CREATE TABLE breaker (
    target       text PRIMARY KEY,
    failures     int NOT NULL,
    retry_at     timestamptz,
    last_outcome text,
    changed_at   timestamptz NOT NULL
);
