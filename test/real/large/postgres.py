"""PostgreSQL: plpgsql, modules of contrib, and tests of its own about what it loads."""

import os

from cases import Case, refused_as_shipped

RECIPES = ("postgres", "busybox")

# A cluster, and a server on a socket in its directory, which has the same short name for server and
# clients: each process' own.
START = """
set -e
trap 'kill $! 2>/dev/null || :' EXIT
$INITDB -D data -A trust -U ward --no-locale -E UTF8 -N >initdb.log
cd data
serve() {
	$POSTGRES -D . -h '' -k /proc/self/cwd "$@" >>log 2>&1 &
	n=0; until sql -c 'select' >/dev/null 2>&1 || [ $n -gt 300 ]; do sleep .1; n=$((n + 1)); done
}
sql() { $PSQL -X -q -A -t -h /proc/self/cwd -U ward -d ${database:-postgres} "$@"; }
"""
SCRIPT = START + r"""
serve
sql <<'END'
create function primes(upto int) returns setof int language plpgsql parallel safe as $$
declare n int; d int;
begin
	<<candidates>>
	for n in 2 .. upto loop
		for d in 2 .. sqrt(n)::int loop
			continue candidates when n % d = 0;
		end loop;
		return next n;
	end loop;
end $$;
select sum(p), count(*) from primes(500) p;
do $$ begin
	perform 1 / 0;
exception when division_by_zero then raise notice 'caught: %', sqlerrm;
end $$;
create table t(id int primary key, name text, old text);
create function keep() returns trigger language plpgsql as $$
begin new.old := old.name; return new; end $$;
create trigger keep before update on t for each row execute function keep();
insert into t select i, 'row ' || i from generate_series(1, 2000) i;
update t set name = upper(name) where id % 3 = 0;
select count(old), min(old), max(name) from t;
create extension hstore; create extension pg_trgm;
select 'a=>1, b=>2'::hstore || 'b=>3' -> 'b', akeys('x=>1, y=>2');
create index on t using gin (name gin_trgm_ops);
set enable_seqscan = off;
select id from t where name like '%w 1999%';
select round(similarity('loader', 'leader')::numeric, 3);
set force_parallel_mode = on;
select max(p) from primes(300) p;
select convert_to('grün', 'LATIN1'), to_tsvector('english', 'loading loaded loaders');
create function reverse(int) returns int language c as 'hstore', 'nothing';
load 'nothing';
select extname from pg_extension order by 1;
END
$PG_DUMP -h /proc/self/cwd -U ward postgres >dump
sql -c 'create database copy'; database=copy; sql <dump >/dev/null
sql -c 'select count(old), (select max(p) from primes(100) p) from t'
$PG_CTL -D . -m fast stop >/dev/null; wait $!; echo stopped $?
serve -c shared_preload_libraries=plpgsql,hstore,pg_trgm
sql -c 'show shared_preload_libraries' -c 'select max(p) from primes(50) p'
$PG_CTL -D . -m immediate stop >/dev/null; wait $! || :
serve; sql -c 'select count(*) from t'
$PG_CTL -D . -m fast stop >/dev/null; wait $!; echo recovered
"""
ANSWERS = (r"^21536\|95\n666\|row 1002\|row 998\n3\|{x,y}\n1999\n0\.400\n293\n"
           r"\\x6772fc6e\|'load':1,2 'loader':3\nhstore\npg_trgm\nplpgsql\n666\|97\nstopped 0\n"
           r"plpgsql,hstore,pg_trgm\n47\n2000\nrecovered\n$")
LOADS = START + """
serve
sql -v ON_ERROR_STOP=1 -c "load '$MODULE'" -c "select 'loaded'" || :
$PG_CTL -D . -m fast stop >/dev/null; wait $!
"""
# The core's, and all of plpgsql, hstore and pg_trgm.
TESTS = """test_setup create_function_c plpgsql
	plpgsql_array plpgsql_cache plpgsql_call plpgsql_control plpgsql_copy plpgsql_domain
	plpgsql_misc plpgsql_record plpgsql_simple plpgsql_transaction plpgsql_trap plpgsql_trigger
	plpgsql_varprops hstore hstore_utf8 pg_trgm pg_utf8_trgm pg_word_trgm
	pg_strict_word_trgm""".split()


def script(out, name, text, expect, env=None, **more):
    """A Case of a script that makes a cluster; initdb does not want to be root."""
    programs = os.path.join(out("postgres"), "bin")
    return Case("postgres", name, [os.path.join(out("busybox"), "bin", "busybox"), "sh"], expect,
                stdin=text, env=env, children=True, user=True, seconds=180, programs={
                    p.upper(): os.path.join(programs, p)
                    for p in ("initdb", "postgres", "psql", "pg_ctl", "pg_dump")}, **more)


def cases(out):
    """A server, and its own tests."""
    root = out("postgres")
    tests = os.path.join(root, "tests")
    postgres, psql = (os.path.join(root, "bin", p) for p in ("postgres", "psql"))
    regress = [os.path.join(tests, "pg_regress"), "--temp-instance=cluster", "--no-locale",
               "--encoding=UTF8", "--inputdir=" + tests, "--outputdir=.", "--dlpath=" + tests,
               "--bindir=" + os.path.join(root, "bin")]
    timing = ((r" +\d+ ms", ""), (r"\d+", "N"))
    return [
        Case("postgres", "version", [postgres, "--version"], r"^postgres \(PostgreSQL\) 15\."),
        Case("postgres", "psql", [psql, "--version"], r"^psql \(PostgreSQL\) 15\."),
        script(out, "plpgsql", SCRIPT, ANSWERS),
        # Its socket is in a short directory of its own making.
        Case("postgres", "testsuite", regress + TESTS, r"All %d tests passed" % len(TESTS),
             children=True, user=True, seconds=300, ways=("interp",), clean=timing,
             env={"TMPDIR": "/tmp"}, setup=lambda where: os.symlink(
                 os.path.join(tests, "data"), os.path.join(where, "data"))),
    ]


def checks(run):
    """A module of mode 0644."""
    module = os.path.join(run.corpus.out("postgres"), "shipped", "hstore.so")
    return [("shipped", lambda: refused_as_shipped(
        run, script(run.corpus.out, "shipped", LOADS, "(?m)^loaded$", {"MODULE": module}), module))]
