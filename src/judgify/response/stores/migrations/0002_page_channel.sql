-- A channel that hangs is left out when due rows are looked for, so that it holds up no other.
ALTER TABLE page ADD COLUMN channel TEXT NOT NULL DEFAULT '';
UPDATE page SET channel = json_extract(body, '$.channel') WHERE open_at IS NOT NULL;
