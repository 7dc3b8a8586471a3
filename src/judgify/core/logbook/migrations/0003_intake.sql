-- Lines come in order of time, nearly: ascending keys fill the last page of an index, descending ones would split the
-- first one for ever. Read backwards they give the newest lines first just as well.
DROP INDEX line_time;
DROP INDEX line_service;
DROP INDEX line_bad;
CREATE INDEX line_time ON line (time, id);
CREATE INDEX line_span ON line USING brin (time);
CREATE INDEX line_service ON line (service, time);
CREATE INDEX line_bad ON line (time, id) WHERE level >= 40;
-- The order in which lines became visible: what a live tail follows.
CREATE INDEX line_arrival ON line (id);

-- Batches that came with an idempotency key, kept in the transaction that kept their lines.
CREATE TABLE batch_key (
    source  text NOT NULL,
    key     text NOT NULL,
    digest  bytea NOT NULL,
    answer  text NOT NULL,
    kept_at timestamptz NOT NULL,
    PRIMARY KEY (source, key)
);
CREATE INDEX batch_key_age ON batch_key (kept_at);
