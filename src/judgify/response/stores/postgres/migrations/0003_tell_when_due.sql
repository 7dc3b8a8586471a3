-- Who hears of a page hears when it is due, and hears nothing of one that is claimed or done: nobody looks for nothing.
DROP TRIGGER tell_of_pages ON page;
DROP FUNCTION tell_of_pages();
CREATE FUNCTION tell_when_due() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE soonest timestamptz;
BEGIN
    SELECT min(open_at) INTO soonest FROM written WHERE open_at IS NOT NULL;
    IF soonest IS NOT NULL THEN
        -- To the tenth of a second below, so that a burst is told in few words.
        PERFORM pg_notify('judgify_response', 'page ' || floor(extract(epoch FROM soonest) * 10) / 10);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_of_new_pages AFTER INSERT ON page
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_when_due();
CREATE TRIGGER tell_of_changed_pages AFTER UPDATE ON page
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_when_due();
