"""PostgreSQL of a lane, in which each schedule has a database of its own, and the ways to it.

A trigger in the database, which is no business of muster's, notes each claim and each end of a server, so
that one that was judged twice is seen though the second verdict took the place of the first.
"""

import json
import os
import subprocess
import sys

import check
from world import MUSTER

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from fault_proxy import Proxy  # noqa: E402
from postgres import PORT, Cluster  # noqa: E402

TEMPLATE = """
CREATE TABLE public.audit (at timestamptz DEFAULT clock_timestamp(), run bigint, position bigint,
    was text, state text, old_claim bigint, claim bigint, holder bigint);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF (OLD.state, OLD.claim) IS DISTINCT FROM (NEW.state, NEW.claim) THEN
        INSERT INTO public.audit VALUES (DEFAULT, NEW.run, NEW.position, OLD.state, NEW.state, OLD.claim,
            NEW.claim, NEW.holder);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER UPDATE ON muster.server FOR EACH ROW EXECUTE FUNCTION public.note();
DO $$ BEGIN
    EXECUTE (SELECT 'TRUNCATE ' || string_agg(format('muster.%I', relname), ', ') || ' CASCADE'
        FROM pg_stat_user_tables WHERE schemaname = 'muster' AND relname <> 'meta');
END $$
"""


class Proxied:
    """Ways through the fault proxy, one for each process.

    127.0.3.1, 127.0.3.2    PostgreSQL, and the replica that comes after it
    127.0.4.I               the way of process I
    """

    addresses = ("127.0.3.1", "127.0.3.2")

    def __init__(self, numbers):
        self.proxy = Proxy()
        self.routes = {
            i: self.proxy.listen((f"127.0.4.{i}", PORT), (self.addresses[0], PORT)) for i in numbers
        }

    def enter(self, number):
        """What a process does before it becomes muster."""

    def url(self, cluster, database, number):
        return cluster.url(database, f"127.0.4.{number}")

    def aim(self, address):
        for route in self.routes.values():
            route.target = (address, PORT)

    def strike(self, number, *kinds):
        for kind in kinds:
            self.proxy.strike(self.routes[number], kind)

    def prepare(self):
        for number in self.routes:
            self.strike(number, "accept", "thaw")

    def drop(self):
        self.proxy.drop()

    def close(self):
        self.proxy.close()


class Site:
    """A PostgreSQL. Each schedule has a database of its own, copied from one with its tables."""

    def __init__(self, world, ways):
        self.world, self.ways = world, ways
        self.replica = None
        self.cluster = Cluster.make(listen=ways.addresses[0])
        self.cluster.database("template")
        submit = [MUSTER, "submit", "--simulate=servers=1", "--store", self.cluster.url("template")]
        subprocess.run(submit, env=world.environment(), check=True, stdout=subprocess.DEVNULL)
        self.cluster.sql(TEMPLATE, "template")

    def prepare(self, database, fails_over):
        self.database = database
        self.cluster.sql(f"CREATE DATABASE {database} OWNER muster TEMPLATE template")
        if fails_over:
            other = self.ways.addresses[self.ways.addresses[0] in self.address()]
            self.replica = self.cluster.replica(synchronous=True, listen=other)
        self.ways.aim(self.address())
        self.ways.prepare()

    def address(self):
        return self.cluster.sql("SHOW listen_addresses")

    def fail_over(self):
        self.cluster.stop("crash")
        self.replica.promote()
        self.ways.aim(self.replica.sql("SHOW listen_addresses"))
        former, self.cluster, self.replica = self.cluster, self.replica, None
        former.remove()

    def fill(self):
        """No connections are left for muster, and those it has are ended."""
        self.cluster.sql("ALTER ROLE muster CONNECTION LIMIT 0")
        self.cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'muster'")

    def empty(self):
        self.cluster.sql("ALTER ROLE muster CONNECTION LIMIT -1")

    def url(self, number):
        return self.ways.url(self.cluster, self.database, number)

    def rows(self, query):
        in_json = f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) AS t"
        return json.loads(self.cluster.sql(in_json, self.database))

    def clear(self):
        """After a schedule: its connections, whatever hangs, and its database go."""
        self.ways.drop()
        if self.replica:
            self.cluster.sql("ALTER SYSTEM RESET synchronous_standby_names")
            self.cluster.sql("SELECT pg_reload_conf()")
            self.replica.remove()
            self.replica = None
        self.cluster.sql(f"DROP DATABASE {self.database} WITH (FORCE)")

    def close(self):
        self.ways.close()
        for cluster in filter(None, (self.cluster, self.replica)):
            cluster.remove()


class Rows(check.Rows):
    """The rows of one run."""

    def __init__(self, site, run):
        self.mistakes = []
        self.run = next(iter(site.rows(f"SELECT * FROM muster.run WHERE id = '{run}'")), None)
        of = f"WHERE run = {self.run['number'] if self.run else 0} ORDER BY position"
        self.servers = site.rows(f"SELECT * FROM muster.server {of}")
        self.benchmarks = site.rows(f"SELECT * FROM muster.benchmark {of}, ordinal")
