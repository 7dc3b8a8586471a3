-- Once more in the procedural language: a function of SQL with a query in it is planned anew for every line.
CREATE OR REPLACE FUNCTION field_numbers(fields json, path text[]) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE PARALLEL RESTRICTED AS $$
DECLARE
    found json := logging.field_value(fields, path);
    kind text := json_typeof(found);
    plain text;
BEGIN
    IF kind IS NULL OR kind IN ('object', 'null', 'boolean') THEN
        RETURN '{}';
    END IF;
    IF kind = 'array' THEN
        RETURN ARRAY(SELECT v::numeric FROM unnest(logging.field_texts(fields, path)) AS v
                     WHERE v ~ '^[+-]?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?$');
    END IF;
    plain := found #>> '{}';
    IF plain ~ '^[+-]?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?$' THEN
        RETURN ARRAY[plain::numeric];
    END IF;
    RETURN '{}';
END $$;
