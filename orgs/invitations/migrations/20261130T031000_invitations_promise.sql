-- Who promised what an invitation gives, as he was then, and why it could not be kept when somebody last tried. Of invitations
-- that were made before nobody knows: they have to be sent again.
ALTER TABLE invitations
    ADD COLUMN promised_by jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN refused text NOT NULL DEFAULT '' CHECK (refused IN ('', 'beyond_inviter', 'inviter_gone'));
