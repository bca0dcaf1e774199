-- Version 2: what people's own SQL reads (docs/SQL.md), views whose names and columns stay over tables that change.
--
-- A view reads as the owner of the tables: who may read it needs no right to them.

CREATE VIEW runs AS
SELECT r.id AS run,
       to_timestamp(r.started / 1e9) AS started,
       CASE WHEN r.judged = 1 AND r.passed + r.failed + r.errors = r.total THEN 'ended'
            WHEN r.closed = 1 THEN 'interrupted'
            WHEN EXISTS (SELECT FROM worker AS w WHERE w.run = r.number AND w.lease_until > now()) THEN 'running'
            ELSE 'waiting' END AS state,
       r.total::bigint AS total,
       (r.passed + coalesce(t.passed, 0))::bigint AS passed,
       (r.failed + coalesce(t.failed, 0))::bigint AS failed,
       (r.errors + coalesce(t.errors, 0))::bigint AS errors,
       greatest(r.seconds, t.seconds) AS seconds,
       r.stopped,
       r.fanout::bigint AS fanout,
       r.threshold
FROM run AS r LEFT JOIN LATERAL (
    SELECT sum(passed) AS passed, sum(failed) AS failed, sum(errors) AS errors, max(seconds) AS seconds
    FROM tally WHERE tally.run = r.number) AS t ON true;

COMMENT ON VIEW runs IS 'Runs, each with what became of its servers so far.';
COMMENT ON COLUMN runs.run IS 'Id, as in `muster show ID`; later runs have greater ones.';
COMMENT ON COLUMN runs.started IS 'When it was begun.';
COMMENT ON COLUMN runs.state IS 'ended: all have a verdict. running: a worker has a lease on it. waiting: nobody has. interrupted: it was stopped; `muster resume` goes on with it.';
COMMENT ON COLUMN runs.total IS 'Servers.';
COMMENT ON COLUMN runs.passed IS 'Servers that passed.';
COMMENT ON COLUMN runs.failed IS 'Servers that ran, and perform below what is expected.';
COMMENT ON COLUMN runs.errors IS 'Servers that could not be judged.';
COMMENT ON COLUMN runs.seconds IS 'How long it has been worked on.';
COMMENT ON COLUMN runs.stopped IS 'Why it ended early; null if it did not.';
COMMENT ON COLUMN runs.fanout IS 'Servers that one worker has in hand at once, if the worker does not say.';
COMMENT ON COLUMN runs.threshold IS 'The score below which a server fails, in per cent of the reference.';

CREATE VIEW verdicts AS
SELECT r.id AS run,
       to_timestamp(r.started / 1e9) AS started,
       s.position::bigint AS position,
       s.name AS server,
       CASE WHEN s.state = 'done' THEN s.verdict WHEN s.state = 'claimed' THEN 'running' ELSE 'pending' END AS verdict,
       CASE WHEN s.state = 'done' THEN s.reason END AS reason,
       CASE WHEN s.state = 'done' THEN s.detail END AS detail,
       CASE WHEN s.state = 'done' THEN s.seconds END AS seconds,
       CASE WHEN s.state = 'done' THEN s.attempts::bigint END AS attempts,
       s.site,
       coalesce(s.kind, s.given_kind) AS kind,
       s.machine,
       s.labels::jsonb AS labels,
       s.facts::jsonb AS facts
FROM server AS s JOIN run AS r ON r.number = s.run;

COMMENT ON VIEW verdicts IS 'Servers of runs: one row for each server of each run.';
COMMENT ON COLUMN verdicts.run IS 'The run.';
COMMENT ON COLUMN verdicts.started IS 'When the run was begun.';
COMMENT ON COLUMN verdicts.position IS 'Where the server stands in the inventory, from 0.';
COMMENT ON COLUMN verdicts.server IS 'Its name, as the inventory has it.';
COMMENT ON COLUMN verdicts.verdict IS 'passed, failed or error; running or pending as long as there is none.';
COMMENT ON COLUMN verdicts.reason IS 'Why it did not pass, as a word of docs/REASONS.md.';
COMMENT ON COLUMN verdicts.detail IS 'Why it did not pass, as a sentence.';
COMMENT ON COLUMN verdicts.seconds IS 'How long it took, all attempts together.';
COMMENT ON COLUMN verdicts.attempts IS 'How often it was tried.';
COMMENT ON COLUMN verdicts.site IS 'Whose workers take it; null: any.';
COMMENT ON COLUMN verdicts.kind IS 'The kind of hardware that it was judged as one of.';
COMMENT ON COLUMN verdicts.machine IS 'What the machine is known by, whatever its name is.';
COMMENT ON COLUMN verdicts.labels IS 'Its labels in the inventory.';
COMMENT ON COLUMN verdicts.facts IS 'What it said of itself: kernel, cpu_model, cores and so on.';

CREATE VIEW metrics AS
SELECT r.id AS run,
       to_timestamp(r.started / 1e9) AS started,
       s.name AS server,
       s.site,
       coalesce(s.kind, s.given_kind) AS kind,
       b.benchmark,
       m.key AS metric,
       (m.value ->> 'value')::double precision AS value,
       m.value ->> 'unit' AS unit,
       coalesce(m.value ->> 'better', CASE WHEN m.key = b.metric THEN b.better END, 'higher') AS better,
       (m.value ->> 'spread')::double precision AS spread,
       m.key IS NOT DISTINCT FROM b.metric AS judged,
       CASE WHEN m.key = b.metric THEN b.score END AS score,
       b.verdict,
       b.reason
FROM benchmark AS b
JOIN run AS r ON r.number = b.run
JOIN server AS s ON s.run = b.run AND s.position = b.position AND s.state = 'done'
CROSS JOIN LATERAL jsonb_each(b.metrics::jsonb) AS m;

COMMENT ON VIEW metrics IS 'What was measured: one row for each metric of each benchmark on each server of each run.';
COMMENT ON COLUMN metrics.run IS 'The run.';
COMMENT ON COLUMN metrics.started IS 'When the run was begun.';
COMMENT ON COLUMN metrics.server IS 'The server.';
COMMENT ON COLUMN metrics.site IS 'Its site.';
COMMENT ON COLUMN metrics.kind IS 'Its kind of hardware.';
COMMENT ON COLUMN metrics.benchmark IS 'The benchmark.';
COMMENT ON COLUMN metrics.metric IS 'What of it.';
COMMENT ON COLUMN metrics.value IS 'The median of its trials.';
COMMENT ON COLUMN metrics.unit IS 'Of the value.';
COMMENT ON COLUMN metrics.better IS 'higher or lower.';
COMMENT ON COLUMN metrics.spread IS 'How far the trials lie apart, as a share of the median.';
COMMENT ON COLUMN metrics.judged IS 'Whether this is the metric that the benchmark is judged by.';
COMMENT ON COLUMN metrics.score IS 'Of the metric that is judged: per cent of the reference.';
COMMENT ON COLUMN metrics.verdict IS 'The benchmark''s.';
COMMENT ON COLUMN metrics.reason IS 'Why the benchmark did not pass.';

CREATE VIEW failures_by_reason AS
SELECT r.id AS run,
       to_timestamp(r.started / 1e9) AS started,
       s.verdict,
       s.reason,
       s.site,
       coalesce(s.kind, s.given_kind) AS kind,
       count(*) AS servers
FROM server AS s JOIN run AS r ON r.number = s.run
WHERE s.state = 'done' AND s.verdict <> 'passed'
GROUP BY r.number, s.verdict, s.reason, s.site, coalesce(s.kind, s.given_kind);

COMMENT ON VIEW failures_by_reason IS 'How many servers of a run did not pass, by reason, site and kind.';
COMMENT ON COLUMN failures_by_reason.run IS 'The run.';
COMMENT ON COLUMN failures_by_reason.started IS 'When it was begun.';
COMMENT ON COLUMN failures_by_reason.verdict IS 'failed or error.';
COMMENT ON COLUMN failures_by_reason.reason IS 'As a word of docs/REASONS.md.';
COMMENT ON COLUMN failures_by_reason.site IS 'Of the servers.';
COMMENT ON COLUMN failures_by_reason.kind IS 'Of the servers.';
COMMENT ON COLUMN failures_by_reason.servers IS 'How many.';

CREATE VIEW workers AS
SELECT w.number::bigint AS worker,
       w.host,
       w.pid::bigint AS pid,
       w.site,
       r.id AS run,
       w.fanout::bigint AS fanout,
       to_timestamp(w.started / 1e9) AS started,
       extract(epoch FROM w.lease_until - now())::double precision AS lease_seconds,
       (SELECT count(*) FROM server AS s WHERE s.state = 'claimed' AND s.holder = w.number) AS claimed,
       w.draining::integer <> 0 AS draining
FROM worker AS w LEFT JOIN run AS r ON r.number = w.run;

COMMENT ON VIEW workers IS 'The controllers: those that work or wait for work, and for an hour those that died.';
COMMENT ON COLUMN workers.worker IS 'A number that no other one ever had.';
COMMENT ON COLUMN workers.host IS 'The machine that it runs on.';
COMMENT ON COLUMN workers.pid IS 'Its process there.';
COMMENT ON COLUMN workers.site IS 'Whose servers it takes, and those of no site; null: any.';
COMMENT ON COLUMN workers.run IS 'The run that it works on; null: none.';
COMMENT ON COLUMN workers.fanout IS 'Servers that it has in hand at once; 0: as many as the run says.';
COMMENT ON COLUMN workers.started IS 'When it began.';
COMMENT ON COLUMN workers.lease_seconds IS 'How long what it holds is still its own; negative: that is over, and others take it.';
COMMENT ON COLUMN workers.claimed IS 'Servers that it holds.';
COMMENT ON COLUMN workers.draining IS 'Whether it was told to end, and claims no more.';

CREATE VIEW progress AS
SELECT r.run,
       r.started,
       r.state,
       r.total,
       r.passed,
       r.failed,
       r.errors,
       c.running,
       greatest(r.total - r.passed - r.failed - r.errors - c.running, 0) AS pending,
       c.workers,
       r.seconds,
       (r.passed + r.failed + r.errors) / nullif(r.seconds, 0) AS rate,
       CASE WHEN r.state = 'running' THEN
           (r.total - r.passed - r.failed - r.errors) * r.seconds / nullif(r.passed + r.failed + r.errors, 0)
       END AS seconds_left
FROM runs AS r JOIN run AS t ON t.id = r.run CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM server AS s
            WHERE r.state <> 'ended' AND s.run = t.number AND s.state = 'claimed') AS running,
           (SELECT count(*) FROM worker AS w WHERE w.run = t.number AND w.lease_until > now()) AS workers) AS c;

COMMENT ON VIEW progress IS 'How far each run is.';
COMMENT ON COLUMN progress.run IS 'The run.';
COMMENT ON COLUMN progress.started IS 'When it was begun.';
COMMENT ON COLUMN progress.state IS 'As in runs.';
COMMENT ON COLUMN progress.total IS 'Servers.';
COMMENT ON COLUMN progress.passed IS 'Servers that passed.';
COMMENT ON COLUMN progress.failed IS 'Servers that failed.';
COMMENT ON COLUMN progress.errors IS 'Servers that could not be judged.';
COMMENT ON COLUMN progress.running IS 'Servers that workers hold.';
COMMENT ON COLUMN progress.pending IS 'Servers that are to come.';
COMMENT ON COLUMN progress.workers IS 'Workers that are on it now.';
COMMENT ON COLUMN progress.seconds IS 'How long it has been worked on.';
COMMENT ON COLUMN progress.rate IS 'Verdicts a second so far.';
COMMENT ON COLUMN progress.seconds_left IS 'Until all have a verdict at this rate, while it is running.';
