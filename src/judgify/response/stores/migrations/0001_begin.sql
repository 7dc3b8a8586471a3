-- Moments are UTC text of fixed width, so that text order is time order. Bodies are JSON.
CREATE TABLE counter (year INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;

CREATE TABLE entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id TEXT NOT NULL,          -- '' is the engine's own timeline
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (incident_id, seq)
) STRICT;
CREATE TRIGGER entry_never_changes BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END;
CREATE TRIGGER entry_never_goes BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END;

CREATE TABLE incident (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    drill TEXT NOT NULL,
    started_at TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX incident_by_time ON incident (started_at DESC, id DESC);
CREATE INDEX incident_by_state ON incident (state, started_at DESC);

CREATE TABLE signal (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    fold_key TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    suppressed TEXT,
    body TEXT NOT NULL,
    UNIQUE (incident_id, fold_key)
) STRICT;

CREATE TABLE page (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    open_at TEXT,                        -- when it may be claimed; NULL once it is settled
    due_at TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX page_open ON page (open_at) WHERE open_at IS NOT NULL;
CREATE INDEX page_by_incident ON page (incident_id, due_at);

CREATE TABLE record (
    kind TEXT NOT NULL,                  -- run, approval, action, drill, rollout, automation, user, session, link
    id TEXT NOT NULL,
    owner TEXT NOT NULL,                 -- incident or user
    live INTEGER NOT NULL,               -- 1 while it still asks for something
    sort TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX record_by_owner ON record (kind, owner, sort);
CREATE INDEX record_live ON record (kind, sort) WHERE live = 1;
