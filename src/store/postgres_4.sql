-- Version 4: runs that are dropped (src/store/drop.c).

CREATE TABLE dropped (
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL
);
COMMENT ON TABLE dropped IS 'runs that are gone, and of which other tables have rows yet';
COMMENT ON COLUMN dropped.number IS 'run.number, as it was';
COMMENT ON COLUMN dropped.id IS 'run.id, as it was';
