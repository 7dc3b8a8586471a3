-- Who may sign in. A user name is for ever: it is the subject that every record elsewhere refers to.
CREATE TABLE users (
    id            text PRIMARY KEY,
    username      text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role          text NOT NULL CHECK (role IN ('viewer', 'responder', 'commander', 'admin')),
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL,
    created_by    text NOT NULL,
    password_at   timestamptz NOT NULL
);

-- One sign-in. Ended sessions stay, so that it can be told when and why they ended.
CREATE TABLE sessions (
    id         text PRIMARY KEY,
    user_id    text NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    client     text NOT NULL,
    agent      text NOT NULL,
    ended_at   timestamptz,
    ended_why  text
);
CREATE INDEX sessions_of_user ON sessions (user_id, created_at DESC);
CREATE INDEX sessions_open ON sessions (expires_at) WHERE ended_at IS NULL;

-- Refresh tokens by their SHA-256. A used one stays until its session ends: seeing it again means that it leaked.
CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY,
    session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Keys for programs, by the SHA-256 of the whole key. owner is a user name, or 'cli'.
CREATE TABLE api_keys (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE,
    owner      text NOT NULL,
    role       text NOT NULL CHECK (role IN ('viewer', 'responder', 'commander', 'admin')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    used_at    timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_of_owner ON api_keys (owner, created_at DESC);
