-- Apps that are held to a security profile for good, and clients of MCP servers, are kinds of their own.
ALTER TABLE apps DROP CONSTRAINT apps_template_check,
    ADD CONSTRAINT apps_template_check CHECK (template IN ('fapi', 'm2m', 'mcp', 'mobile', 'spa', 'standard', 'web'));
