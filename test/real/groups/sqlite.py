"""SQLite with loadable extensions."""

import os
import re

from cases import Case

RECIPES = ("sqlite",)

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


def cases(out):
    """The shell, a database on disk and in memory, and each extension by itself."""
    root = out("sqlite")
    shell = os.path.join(root, "bin", "sqlite3")
    cases = [
        Case("sqlite", "version", [shell, "--version"], r"^3\.", timed=True),
        Case("sqlite", "disk", [shell, "-bail", "t.db"], r"20000\|100005000\.0\|.*(?s:.*)\bok\n",
             stdin=SQLITE_DISK),
        Case("sqlite", "memory", [shell, "-bail", ":memory:"],
             r"20000\|100005000\.0\|.*(?s:.*)\bok\n", stdin=SQLITE_DISK, timed=True),
        Case("sqlite", "missing-extension", [shell, ":memory:", ".load ./nothing"], r"^$",
             status=1, stderr=False),
    ]
    for name in sorted(SQLITE_EXTENSIONS):
        query, answer = SQLITE_EXTENSIONS[name]
        so = os.path.join(root, "lib", "sqlite", name)
        cases.append(Case("sqlite", name, [shell, "-bail", ":memory:"],
                          "^%s\nreached\n$" % re.escape(answer),
                          stdin=".load %s\n%s\nselect 'reached';\n" % (so, query),
                          timed=name in ("series", "wardext") or None))
    return cases
