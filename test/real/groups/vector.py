"""A prebuilt SQLite extension: vectors."""

import os

from cases import Case, refused_as_shipped

RECIPES = ("sqlite", "vector")

QUERIES = """
select vector_version();
create table t(id integer primary key, v blob);
insert into t(v) values (vector_as_f32('[1,2,3]')), (vector_as_f32('[4,5,6]')),
  (vector_as_f32('[0.5,2,2.5]'));
select vector_init('t', 'v', 'type=FLOAT32,dimension=3');
select rowid, round(distance, 4) from vector_full_scan('t', 'v', vector_as_f32('[1,2,3]'), 2);
select vector_quantize('t', 'v');
select vector_backend();
"""


def search(out, tree):
    """Version, a search, the kind of machine code it chose; with the modes of a tree."""
    shell = os.path.join(out("sqlite"), "bin", "sqlite3")
    so = os.path.join(out("vector"), tree, "vector", "vector")
    name = {"fixed": "search"}.get(tree, tree)
    return Case("vector", name, [shell, "-bail", ":memory:"], r"^1\.0\.0\n(?s:.*)1\|0\.0\n",
                stdin=".load %s\n%s" % (so, QUERIES))


def cases(out):
    """The extension in use."""
    return [search(out, "fixed")]


def checks(run):
    """It is shipped with mode 0644."""
    case = search(run.corpus.out, "shipped")
    file = os.path.join(run.corpus.out("vector"), "shipped", "vector", "vector.so")
    return [("shipped", lambda: refused_as_shipped(run, case, file))]
