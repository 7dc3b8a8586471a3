-- Tokens that the language model took, by day of UTC, over all processes.
CREATE TABLE llm_usage (
    day    date   PRIMARY KEY,
    tokens bigint NOT NULL
);

-- What persons say of an execution. Nothing is overwritten: the newest word of a person on an execution counts.
CREATE TABLE feedback (
    number              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution_id        text        NOT NULL,
    execution_created_at timestamptz NOT NULL,
    workflow_id         text        NOT NULL,
    workflow_version    int         NOT NULL,
    -- Of the model's answer, where the model decided; else null.
    confidence          double precision,
    subject             text        NOT NULL,
    correct             boolean     NOT NULL,
    expected            json,
    note                text,
    created_at          timestamptz NOT NULL
);

CREATE INDEX feedback_by_execution ON feedback (execution_id, number);
CREATE INDEX feedback_by_workflow ON feedback (workflow_id, number) WHERE confidence IS NOT NULL;
