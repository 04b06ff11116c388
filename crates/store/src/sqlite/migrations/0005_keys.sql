-- What an API key is called, what it may do (scopes with blanks between them; null for everything), and when it was last used.
ALTER TABLE keys ADD COLUMN name TEXT;
ALTER TABLE keys ADD COLUMN scopes TEXT;
ALTER TABLE keys ADD COLUMN last_used INTEGER;
