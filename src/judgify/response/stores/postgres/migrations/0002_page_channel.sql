-- A channel that hangs is left out when due rows are looked for, so that it holds up no other.
ALTER TABLE page ADD COLUMN channel text COLLATE "C" NOT NULL DEFAULT '';
UPDATE page SET channel = body ->> 'channel' WHERE open_at IS NOT NULL OR lease_at IS NOT NULL;
