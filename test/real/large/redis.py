"""Redis: modules of its test suite, and what this test suite says of them."""

import os
import re
import shutil

import wardtest
from cases import Case

RECIPES = ("redis", "busybox")

# A server on a socket. Modules at its start and later, away and back; one without the execute
# bit, which Redis itself refuses; a type of a module in what is stored, which nobody can read
# without it.
SCRIPT = """
set -e
trap 'kill $! 2>/dev/null || :' EXIT
c() { $CLI -s socket "$@"; }
serve() {
	$SERVER --port 0 --unixsocket socket --logfile log --enable-module-command yes "$@" &
	n=0; until c PING >/dev/null 2>&1 || [ $n -gt 300 ]; do sleep .1; n=$((n + 1)); done
}
serve --save '' --loadmodule $M/basics.so --loadmodule $M/datatype.so
c MODULE LIST | grep -A1 name | grep -v -e name -e -- | sort
c TEST.BASICS
c EVAL 'redis.call("datatype.set", "kept", 7, "seven")
	return redis.call("datatype.get", "kept")' 0
c MODULE LOAD $M/hash.so
c HASH.SET h '' field value; c HGETALL h
c MODULE UNLOAD hash; c HASH.SET h '' field other; c MODULE LOAD $M/hash.so
c HASH.SET h '' field other; c HGETALL h
c MODULE LOAD $M/blockonbackground.so; c BLOCK.DEBUG 10 1000 | grep -c '^[0-9]'
c MODULE LOAD $M/fork.so; c FORK.CREATE 3 1000 >/dev/null
n=0; until [ "$(c FORK.EXITCODE)" = 3 ] || [ $n -gt 300 ]; do sleep .1; n=$((n + 1)); done
c FORK.EXITCODE
cp $M/list.so .; chmod 644 list.so
c MODULE LOAD $PWD/list.so; c MODULE LOAD $M/nothing.so
sed -n 's/.* Module .* failed to load: //p' log
c SHUTDOWN SAVE; wait $!; echo ended $?
serve --loadmodule $M/datatype.so; c DATATYPE.GET kept; c HGETALL h; c SHUTDOWN NOSAVE
wait $!
$SERVER --port 0 --unixsocket socket --logfile without >/dev/null
grep -o "The RDB .* can't load.*" without
"""
ANSWERS = (r"^datatype\ntest\nALL TESTS PASSED\n7\nseven\nOK\n0\nfield\nvalue\n"
           r"OK\nERR unknown command 'HASH\.SET'.*\n+OK\n1\nfield\nother\nOK\n1\nOK\n3\n"
           r"ERR .*\n+ERR .*\n+It does not have execute permissions\.\n"
           r".*/nothing\.so: No such file .*\nended 0\n7\nseven\nfield\nother\n"
           r"The RDB file contains module data I can't load: .*\n$")
# Of the test suite for modules all but two: thirty seconds of a broken connection, and three
# servers on ports that nothing says to be free.
LEFT_OUT = ("cluster", "testrdb")
LEAST = 300


def cases(out):
    """The command line, and the server with modules."""
    root = out("redis")
    server, cli = (os.path.join(root, "bin", "redis-" + p) for p in ("server", "cli"))
    return [
        Case("redis", "version", [server, "--version"], r"^Redis server v=7\."),
        Case("redis", "cli-version", [cli, "--version"], r"^redis-cli 7\."),
        Case("redis", "modules", [os.path.join(out("busybox"), "bin", "busybox"), "sh"], ANSWERS,
             stdin=SCRIPT, children=True, env={"M": os.path.join(root, "tests", "modules")},
             programs={"SERVER": server, "CLI": cli}),
    ]


def testsuite(run):
    """Redis' own tests for modules: all pass, on stock musl and on ward, enforcing or not."""
    if run.starter.no_children:
        raise wardtest.Skip(run.starter.no_children)
    root = run.corpus.out("redis")

    def setup(where):
        shutil.copytree(os.path.join(root, "tests"), os.path.join(where, "tests"))
        os.symlink(os.path.join(root, "bin"), os.path.join(where, "src"))
    units = sorted(f[:-len(".tcl")] for f in os.listdir(
        os.path.join(root, "tests", "unit", "moduleapi")))
    words = ["tclsh", os.path.join("tests", "test_helper.tcl"), "--clients", "4"]
    for u in units:
        words += ["--single", "unit/moduleapi/" + u] if u not in LEFT_OUT else []
    case = Case("redis", "testsuite", words, "", seconds=300, setup=setup, children=True)
    passed = {}
    for which in ["stock", "ward"] + ["enforce"] * (not run.no_enforcing):
        r = run.start(case, "interp", which)
        passed[which] = sorted(re.findall(r"(?m)^\[ok\]: (.*) \(\d+ ms\)$", r.out))
        assert r.rc == 0, "%s\n  exit %s\n%s" % (which, r.status(), "\n".join(
            l for l in r.out.splitlines() if not l.startswith("[ok]"))[-3000:])
        assert passed[which] == passed["stock"], "%s: other tests passed than on stock musl" % which
    assert len(passed["stock"]) >= LEAST, "%d tests passed on stock musl" % len(passed["stock"])


def checks(run):
    """What is no Case."""
    return [("testsuite", lambda: testsuite(run))]
