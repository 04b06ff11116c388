-- The jobs that somebody has taken: whoever opens the store gives them back, and looks at no other.
CREATE INDEX jobs_leased ON jobs (intent) WHERE token <> 0;
