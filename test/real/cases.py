"""What is run of the corpus, and what its output must contain to count as having worked.

The measure is stock musl: the same stdout, stderr and exit status. `expect` only makes sure that
the comparison is of something: without it two programs that both fail alike would pass.
"""

import os
import re
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))


class Case:
    """One command, run in a directory of its own.

    argv: the program is a file of the corpus. env: beyond the fixed one of the suite. expect: a
    regular expression found in stdout. children: starts programs of the corpus itself, so that
    the loader must lie at PT_INTERP in a direct run too. seconds: time-out. ways: how it is
    started. setup(dir): fills the directory. clean: (pattern, replacement) pairs for what differs
    from run to run.
    """

    def __init__(self, group, name, argv, expect, *, env=None, status=0, stdin=None,
                 children=False, seconds=60, ways=("interp", "direct"), setup=None, clean=(),
                 stderr=True):
        self.group, self.name, self.argv, self.expect = group, name, argv, expect
        self.env, self.status, self.stdin = env or {}, status, stdin
        self.children, self.seconds, self.ways = children, seconds, ways
        self.setup, self.clean, self.stderr = setup, clean, stderr

    def normal(self, text):
        """The text without what differs from run to run."""
        for pattern, replacement in self.clean:
            text = re.sub(pattern, replacement, text)
        return text


def copy(src):
    """A setup that copies a file or the contents of a directory."""
    def setup(where):
        if os.path.isdir(src):
            shutil.copytree(src, where, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(src, where)
    return setup


def lua_cases(out):
    """Lua and its modules with their own test scripts."""
    root = out("lua")
    lua, tests = os.path.join(root, "bin", "lua"), os.path.join(root, "tests")
    env = {"LUA_PATH": os.path.join(root, "share", "lua", "?.lua"),
           "LUA_CPATH": os.path.join(root, "lib", "lua", "?.so")}
    own = ("local m = require 'wardmod'; print(m.ready(), m.count(), m.count());"
           "local t = {}; for _, n in ipairs { 'lpeg', 'lfs', 'cjson' } do t[#t + 1] ="
           " n .. ' ' .. type(require(n)) end; print(table.concat(t, ' '));"
           "print(pcall(require, 'cjson.missing') == false)")
    language = os.path.join(HERE, "programs", "language.lua")
    return [
        Case("lua", "version", [lua, "-v"], r"^Lua 5\.4"),
        Case("lua", "language", [lua, language], r"(?m)^done$", env=env),
        Case("lua", "own-module", [lua, "-e", own],
             r"true\t41\t42\nlpeg table lfs table cjson table\ntrue\n", env=env),
        Case("lua", "lpeg", [lua, os.path.join(tests, "lpeg.lua")], r"(?m)^OK$", env=env),
        Case("lua", "lfs", [lua, os.path.join(tests, "lfs.lua")], r"Ok!\n$", env=env),
        # The verdicts only: tables are printed in the order of a hash with a random seed.
        Case("lua", "cjson", [lua, "test.lua"], r"all tests succeeded", env=env,
             setup=copy(os.path.join(tests, "cjson")), clean=((r"(?m)^(?!==> ).*\n", ""),)),
    ]


# extension: a query it must answer, and the answer
SQLITE_EXTENSIONS = {
    "wardext": ("select ward_mirror('loader');", "redaol"),
    "amatch": ("create table c(iLang integer, cFrom text, cTo text, iCost integer);"
               "insert into c values(0,'','?',100),(0,'?','',100),(0,'?','?',150);"
               "create table v(w text);insert into v values('loader'),('kernel');"
               "create virtual table t using approximate_match(vocabulary_table=v,"
               " vocabulary_word=w, edit_distances=c);"
               "select word from t where word match 'leader' and distance<400;", "loader"),
    "blobio": ("create table x(y blob);insert into x values(x'414243');"
               "select readblob('main','x','y',1,1,1);", "B"),
    "carray": ("select count(*) from pragma_module_list where name='carray';", "1"),
    "closure": ("create virtual table c using transitive_closure(tablename='t');"
                "select count(*) from c;", "0"),
    "completion": ("select candidate from completion('selec') limit 1;", "SELECT"),
    "csv": ("create virtual table temp.t using csv(data='1,2\n3,4');select sum(c1) from t;", "6"),
    "decimal": ("select decimal_add('0.1','0.2');", "0.3"),
    "eval": ("select eval('select 6*7');", "42"),
    "ieee754": ("select ieee754(2.0);", "ieee754(2,0)"),
    "nextchar": ("create table d(w text);insert into d values('abc'),('abd');"
                 "select next_char('ab','d','w');", "cd"),
    "noop": ("select noop('x');", "x"),
    "percentile": ("select percentile(value,50) from json_each('[1,2,3]');", "2.0"),
    "prefixes": ("select prefix from prefixes('abc') limit 1;", "abc"),
    "regexp": ("select 'abcd' regexp '^a.*d$';", "1"),
    "rot13": ("select rot13('ward');", "jneq"),
    "series": ("select sum(value) from generate_series(1,100);", "5050"),
    "sha1": ("select sha1('abc');", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    "shathree": ("select substr(hex(sha3('abc',256)),1,16);", "3A985DA74FE225B2"),
    "spellfix": ("create virtual table s using spellfix1;"
                 "insert into s(word) values('loader'),('kernel');"
                 "select word from s where word match 'lodaer' limit 1;", "loader"),
    "totype": ("select tointeger('7');", "7"),
    "uint": ("select 'a10' > 'a9' collate uint;", "1"),
    "uuid": ("select length(uuid());", "36"),
    "wholenumber": ("create virtual table n using wholenumber;"
                    "select sum(value) from n where value between 1 and 10;", "55"),
    "zorder": ("select zorder(1,2);", "9"),
}

SQLITE_DISK = """
pragma journal_mode=wal;
create table p(id integer primary key, name text, v real);
with recursive n(i) as (select 1 union all select i+1 from n where i<20000)
  insert into p select i, 'row '||i, i*0.5 from n;
create index pn on p(name);
select count(*), sum(v), max(name) from p;
create virtual table f using fts5(body);
insert into f select name from p where id % 7 = 0;
select count(*) from f where f match 'row';
create virtual table r using rtree(id, a, b);
insert into r select id, v, v+1 from p;
select count(*) from r where a > 100 and b < 200;
select json_group_array(id) from (select id from p where id < 6);
select printf('%.4f', sqrt(2)), round(pi(), 4);
pragma integrity_check;
.dump r_rowid
"""


def sqlite_cases(out):
    """The shell, a database on disk, and each extension by itself."""
    root = out("sqlite")
    shell = os.path.join(root, "bin", "sqlite3")
    cases = [
        Case("sqlite", "version", [shell, "--version"], r"^3\."),
        Case("sqlite", "disk", [shell, "-bail", "t.db"], r"20000\|100005000\.0\|.*(?s:.*)\bok\n",
             stdin=SQLITE_DISK),
        Case("sqlite", "missing-extension", [shell, ":memory:", ".load ./nothing"], r"^$",
             status=1, stderr=False),
    ]
    for name in sorted(SQLITE_EXTENSIONS):
        query, answer = SQLITE_EXTENSIONS[name]
        so = os.path.join(root, "lib", "sqlite", name)
        cases.append(Case("sqlite", name, [shell, "-bail", ":memory:"],
                          "^%s\nreached\n$" % re.escape(answer),
                          stdin=".load %s\n%s\nselect 'reached';\n" % (so, query)))
    return cases


BUSYBOX_SCRIPT = """
set -e
b=$BUSYBOX
$b seq 1 50 >n
$b sort -rn n | $b head -n 3 | $b tr '\\n' ' '
$b awk '{ s += $1 } END { print s }' n
$b sed -n 's/^4\\(.\\)$/<\\1>/p' n | $b tr -d '\\n'; echo
$b mkdir d; $b cp n d/n
$b tar czf d.tgz d; $b rm -r d; $b tar xzf d.tgz; $b cmp n d/n && echo same
$b sha256sum n d/n
$b xz --help >/dev/null 2>&1; $b gzip -c n | $b gunzip | $b wc -l
$b find . -name 'n' | $b sort
$b printf '%s %d\\n' text 7; $b expr 6 '*' 7; $b dc -e '2 20 ^ p'
echo 'a b c' | $b cut -d' ' -f2; $b vi --help 2>/dev/null; $b date -u -d @0 +%F
( sleep 0.1; echo child ) & wait; $b ash -c 'echo $((3*4)); exit 5' || echo status $?
"""


def busybox_cases(out):
    """Applets one by one and in pipes. The testsuite of BusyBox is in suite.py."""
    box = os.path.join(out("busybox"), "bin", "busybox")
    env = {"BUSYBOX": box}
    return [
        Case("busybox", "list", [box, "--list"], r"(?m)^awk$(?s:.*)^wget$"),
        Case("busybox", "echo", [box, "echo", "-e", r"a\tb"], r"^a\tb\n$"),
        Case("busybox", "bc", [box, "bc"], r"^1267650600228229401496703205376\n$", stdin="2^100\n"),
        Case("busybox", "false", [box, "false"], r"^$", status=1),
        Case("busybox", "no-applet", [box, "nothing"], r"^$", status=127),
        Case("busybox", "script", [box, "sh"], r"(?s)^50 49 48 1275\n.*\nsame\n.*status 5\n$",
             stdin=BUSYBOX_SCRIPT, env=env, children=True),
    ]


def zlib_cases(out):
    """zlib's own two programs."""
    root = out("zlib")
    data = os.path.join(HERE, "cases.py")
    pack = [os.path.join(root, "bin", "minigzip")]
    return [
        Case("zlib", "example", [os.path.join(root, "bin", "example")], r"inflate\(\): hello"),
        Case("zlib", "minigzip", pack + ["f"], r"^$", setup=lambda d: shutil.copy(
            data, os.path.join(d, "f"))),
    ]


def python_cases(out):
    """CPython: every extension module, ctypes through libffi, and some of its own tests."""
    root = out("python")
    python = os.path.join(root, "bin", "python3.11")
    programs = os.path.join(HERE, "programs")
    env = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    seconds = (r"\b[0-9.]+ (sec|min)\b", "N sec")
    cases = [
        Case("python", "version", [python, "-V"], r"^Python 3\.11"),
        Case("python", "modules", [python, os.path.join(programs, "modules.py")],
             r"(?m)^[6-9]\d modules, \d+ imported", env=env, seconds=120),
        Case("python", "ctypes", [python, os.path.join(programs, "foreign.py")], r"(?m)^done$",
             env=env),
        Case("python", "processes", [python, os.path.join(programs, "processes.py")],
             r"(?m)^done$", env=env, children=True),
    ]
    for t in ("test_importlib", "test_imp", "test_threading", "test_zlib", "test_posix",
              "test_ctypes"):
        # libc.so.9, which must not load in test_load_version, is the C library itself on musl.
        cases.append(Case("python", t, [python, "-m", "test", "-i", "test_load_version", t],
                          r"Tests result: SUCCESS", env=env,
                          children=True, seconds=300, ways=("interp",), stderr=False,
                          clean=(seconds, (r"\d:\d\d:\d\d( load avg: [0-9.]+)?", "0:00:NN"),
                                 (r"(?m)^test_\w+ passed in .*\n", ""),
                                 (r"(?m)^(== |Using random seed|Total duration).*\n", ""))))
    return cases


def all_cases(out):
    """Every case; out(RECIPE) is where a recipe installed."""
    return (zlib_cases(out) + lua_cases(out) + sqlite_cases(out) + busybox_cases(out) +
            python_cases(out))
