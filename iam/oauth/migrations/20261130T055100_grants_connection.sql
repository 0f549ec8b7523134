-- A grant that an assertion of a trusted issuer is (RFC 7521) stands on the issuer's connection, and on no session.
ALTER TABLE grants
    ALTER COLUMN session_id DROP NOT NULL,
    ADD COLUMN connection_id uuid,
    ADD CHECK ((session_id IS NULL) = (connection_id IS NOT NULL));
