-- What a query of the log compares inside a line's fields. A path is tried as it is nested, then as one dotted key.
-- fields is json, not jsonb, and may hold escapes that text cannot (\u0000, half a surrogate pair). Reading such a
-- document fails as a whole, so then it is read with those escapes replaced.
CREATE FUNCTION field_value(fields json, path text[]) RETURNS json LANGUAGE plpgsql IMMUTABLE PARALLEL RESTRICTED AS $$
DECLARE
    found json;
BEGIN
    IF strpos(fields::text, '\u0000') > 0 OR strpos(fields::text, '\ud') > 0 THEN
        BEGIN
            found := fields #> path;
        EXCEPTION WHEN untranslatable_character OR invalid_text_representation THEN
            fields := regexp_replace(fields::text, '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\ufffd', 'g')::json;
        END;
    END IF;
    found := fields #> path;
    IF found IS NULL AND cardinality(path) > 1 THEN
        found := fields -> array_to_string(path, '.');
    END IF;
    RETURN found;
END $$;

-- The values as texts: one, or those of a list. Objects, null and what is not there give none.
CREATE FUNCTION field_texts(fields json, path text[]) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL RESTRICTED AS $$
DECLARE
    found json := logging.field_value(fields, path);
BEGIN
    IF found IS NULL THEN
        RETURN '{}';
    END IF;
    CASE json_typeof(found)
        WHEN 'array' THEN
            RETURN ARRAY(SELECT e #>> '{}' FROM json_array_elements(found) AS e
                         WHERE json_typeof(e) IN ('string', 'number', 'boolean'));
        WHEN 'object', 'null' THEN
            RETURN '{}';
        ELSE
            RETURN ARRAY[found #>> '{}'];
    END CASE;
END $$;

-- Those of them that are numbers, be they written as numbers or as texts.
CREATE FUNCTION field_numbers(fields json, path text[]) RETURNS numeric[] LANGUAGE sql IMMUTABLE PARALLEL RESTRICTED AS $$
    SELECT ARRAY(SELECT v::numeric FROM unnest(logging.field_texts(fields, path)) AS v
                 WHERE v ~ '^[+-]?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?$')
$$;

CREATE FUNCTION field_exists(fields json, path text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL RESTRICTED AS $$
    SELECT coalesce(logging.field_value(fields, path)::text !~ '^\s*(null|\[\s*\])\s*$', false)
$$;
