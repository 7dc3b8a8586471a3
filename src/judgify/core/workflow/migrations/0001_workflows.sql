CREATE TABLE workflows (
    id             text PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    label          text,
    description    text,
    life_safety    boolean NOT NULL,
    active_version int,
    latest_version int NOT NULL,
    revision       int NOT NULL,
    created_at     timestamptz NOT NULL,
    created_by     text NOT NULL,
    updated_at     timestamptz NOT NULL,
    updated_by     text NOT NULL
);

-- The document is kept as the text that was checked: json, not jsonb, so that its digest stays its digest.
CREATE TABLE versions (
    workflow_id text NOT NULL REFERENCES workflows (id),
    version     int  NOT NULL,
    document    json NOT NULL,
    sha256      text NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    PRIMARY KEY (workflow_id, version)
);

ALTER TABLE workflows
    ADD FOREIGN KEY (id, active_version) REFERENCES versions (workflow_id, version) DEFERRABLE INITIALLY DEFERRED;

-- An execution names the version that judged it; that version must stay what it was.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a workflow is never changed or removed';
END
$$;

CREATE TRIGGER versions_stay BEFORE UPDATE OR DELETE ON versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
