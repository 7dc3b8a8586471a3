-- Log lines, one partition for each day (UTC); partitions are made by the service, ahead of time and as needed.
-- fields is json, not jsonb: a field may hold an escape that jsonb refuses.
CREATE SEQUENCE line_id;
CREATE TABLE line (
    id          bigint NOT NULL DEFAULT nextval('logging.line_id'),
    time        timestamptz NOT NULL,
    level       smallint NOT NULL,
    service     text NOT NULL,
    message     text NOT NULL,
    request_id  text,
    fields      json NOT NULL,
    received_at timestamptz NOT NULL,
    source      text NOT NULL
) PARTITION BY RANGE (time);
CREATE INDEX line_time ON line (time DESC, id DESC);
CREATE INDEX line_service ON line (service, time DESC, id DESC);
CREATE INDEX line_bad ON line (time DESC, id DESC) WHERE level >= 40;
CREATE INDEX line_request ON line (request_id) WHERE request_id IS NOT NULL;

-- How far each log file of a unit has been read. head is a fingerprint of the file's beginning, which tells a file
-- that was emptied and has grown again from the one that was read.
CREATE TABLE file_offset (
    file        text PRIMARY KEY,
    position    bigint NOT NULL,
    head        text NOT NULL,
    head_length int NOT NULL,
    updated_at  timestamptz NOT NULL
);
