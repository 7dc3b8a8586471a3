-- Bodies are JSON as text (json, not jsonb: what was written is read back to the letter).
-- Keys are compared byte by byte, as in the other store.
CREATE TABLE counter (year int PRIMARY KEY, last int NOT NULL);

CREATE TABLE entry (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id text COLLATE "C" NOT NULL,          -- '' is the engine's own timeline
    seq int NOT NULL,
    at timestamptz NOT NULL,
    actor json NOT NULL,
    type text COLLATE "C" NOT NULL,
    body json NOT NULL,
    UNIQUE (incident_id, seq)
);
CREATE FUNCTION entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the timeline is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION entry_stays();

CREATE TABLE incident (
    id text COLLATE "C" PRIMARY KEY,
    state text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL,
    drill text COLLATE "C" NOT NULL,
    started_at timestamptz NOT NULL,
    body json NOT NULL
);
CREATE INDEX incident_by_time ON incident (started_at DESC, id DESC);
CREATE INDEX incident_by_state ON incident (state, started_at DESC);

CREATE TABLE signal (
    id text COLLATE "C" PRIMARY KEY,
    incident_id text COLLATE "C" NOT NULL,
    fold_key text COLLATE "C" NOT NULL,
    count int NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    suppressed text,
    body json NOT NULL,
    UNIQUE (incident_id, fold_key)
);

CREATE TABLE page (
    id text COLLATE "C" PRIMARY KEY,
    incident_id text COLLATE "C" NOT NULL,
    open_at timestamptz,                 -- when it may be claimed, by the engines' clock; NULL unless it is due
    lease_at timestamptz,                -- when its claim ends, by this database's clock; NULL unless it is claimed
    token bigint NOT NULL,               -- grows with every claim; only the holder of the newest may act on it
    claimed_by text COLLATE "C" NOT NULL, -- the engine that made the newest claim
    due_at timestamptz NOT NULL,
    body json NOT NULL
);
CREATE INDEX page_open ON page (open_at, id) WHERE open_at IS NOT NULL;
CREATE INDEX page_leased ON page (lease_at, id) WHERE lease_at IS NOT NULL;
CREATE INDEX page_by_incident ON page (incident_id, due_at);

CREATE TABLE record (
    kind text COLLATE "C" NOT NULL,      -- run, approval, action, drill, rollout, automation, user, session, link …
    id text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,     -- incident or user
    live int NOT NULL,                   -- 1 while it still asks for something
    sort text COLLATE "C" NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX record_by_owner ON record (kind, owner, sort);
CREATE INDEX record_live ON record (kind, sort) WHERE live = 1;

-- What one engine commits the others hear of at once: the timelines that grew, and that something is due.
CREATE FUNCTION tell_of_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('judgify_response', 'entry'); RETURN NULL; END $$;
CREATE TRIGGER tell_of_entries AFTER INSERT ON entry FOR EACH STATEMENT EXECUTE FUNCTION tell_of_entries();
CREATE FUNCTION tell_of_pages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('judgify_response', 'page'); RETURN NULL; END $$;
CREATE TRIGGER tell_of_pages AFTER INSERT OR UPDATE ON page FOR EACH STATEMENT EXECUTE FUNCTION tell_of_pages();
