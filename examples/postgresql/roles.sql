-- Roles for a store of muster's on PostgreSQL, each with no more than it needs. As the owner of the tables, with
-- the right to make roles, again after every new version of muster:
--
--     psql -v ON_ERROR_STOP=1 -f roles.sql 'service=muster user=owner'
--
-- Nobody logs in as one of these; they are granted to those who do:
--
--     CREATE ROLE muster_fra LOGIN PASSWORD '...' IN ROLE muster_worker;
--
--     muster_dashboard  reads the views of docs/SQL.md
--     muster_reader     runs, show, report, history, compare, log, wait, serve
--     muster_worker     worker; cannot plan, nor touch a plan or what is expected of a kind
--     muster_planner    submit, run, resume, judge, baseline
--
-- Each has what the one before it has. None can make, alter or drop a table, truncate one, or delete a run: that
-- (`muster store drop`) is the owner's.

BEGIN;

DO $$
DECLARE role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['muster_dashboard', 'muster_reader', 'muster_worker', 'muster_planner'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
END $$;

GRANT muster_dashboard TO muster_reader;
GRANT muster_reader TO muster_worker;
GRANT muster_worker TO muster_planner;

-- what an earlier version of this file granted, and this one does not
REVOKE ALL ON ALL TABLES IN SCHEMA muster FROM muster_dashboard, muster_reader, muster_worker, muster_planner;
REVOKE ALL ON SCHEMA muster FROM muster_dashboard, muster_reader, muster_worker, muster_planner;

GRANT USAGE ON SCHEMA muster TO muster_dashboard;
GRANT SELECT ON muster.runs, muster.verdicts, muster.metrics, muster.failures_by_reason, muster.workers,
    muster.progress TO muster_dashboard;

GRANT SELECT ON muster.meta, muster.run, muster.server, muster.benchmark, muster.past_server,
    muster.past_benchmark, muster.baseline, muster.worker, muster.tally, muster.log, muster.log_file, muster.dropped
    TO muster_reader;

-- a worker: itself, its claims, what it measured and said, and the end of a run
GRANT INSERT, UPDATE, DELETE ON muster.worker, muster.tally TO muster_worker;
GRANT UPDATE (state, verdict, reason, detail, attempts, seconds, facts, kind, machine, findings, why, holder, claim)
    ON muster.server TO muster_worker;
GRANT INSERT, DELETE ON muster.benchmark TO muster_worker;
GRANT INSERT ON muster.log, muster.log_file TO muster_worker;
GRANT UPDATE (carried) ON muster.log_file TO muster_worker;
GRANT UPDATE (seconds, stopped, closed, passed, failed, errors, notes, judged) ON muster.run TO muster_worker;

-- a planner: runs and their servers, attempts that are made again, and what is expected of a kind
GRANT INSERT ON muster.run, muster.server, muster.past_server, muster.past_benchmark TO muster_planner;
GRANT INSERT, UPDATE, DELETE ON muster.baseline TO muster_planner;

COMMIT;
