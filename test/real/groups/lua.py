"""Lua with C modules."""

import os

from cases import Case, REAL, copy

RECIPES = ("lua",)


def cases(out):
    """Lua and its modules with their own test scripts."""
    root = out("lua")
    lua, tests = os.path.join(root, "bin", "lua"), os.path.join(root, "tests")
    env = {"LUA_PATH": os.path.join(root, "share", "lua", "?.lua"),
           "LUA_CPATH": os.path.join(root, "lib", "lua", "?.so")}
    own = ("local m = require 'wardmod'; print(m.ready(), m.count(), m.count());"
           "local t = {}; for _, n in ipairs { 'lpeg', 'lfs', 'cjson' } do t[#t + 1] ="
           " n .. ' ' .. type(require(n)) end; print(table.concat(t, ' '));"
           "print(pcall(require, 'cjson.missing') == false)")
    modules = ("local lpeg, lfs, cjson = require 'lpeg', require 'lfs', require 'cjson';"
               "print(lpeg.match(lpeg.C(lpeg.R 'az'^1) * -1, 'loader'), lfs.attributes('/', 'mode'),"
               "cjson.encode(cjson.decode '[1, {\"a\": [null, true]}]'))")
    language = os.path.join(REAL, "programs", "language.lua")
    return [
        Case("lua", "version", [lua, "-v"], r"^Lua 5\.4", timed=True),
        Case("lua", "language", [lua, language], r"(?m)^done$", env=env, timed=True),
        Case("lua", "own-module", [lua, "-e", own],
             r"true\t41\t42\nlpeg table lfs table cjson table\ntrue\n", env=env, timed=True),
        Case("lua", "modules", [lua, "-e", modules],
             r'^loader\tdirectory\t\[1,{"a":\[null,true\]}\]\n$', env=env),
        Case("lua", "lpeg", [lua, os.path.join(tests, "lpeg.lua")], r"(?m)^OK$", env=env,
             long=True),
        Case("lua", "lfs", [lua, os.path.join(tests, "lfs.lua")], r"Ok!\n$", env=env),
        # The verdicts only: tables are printed in the order of a hash with a random seed.
        Case("lua", "cjson", [lua, "test.lua"], r"all tests succeeded", env=env, long=True,
             setup=copy(os.path.join(tests, "cjson")), clean=((r"(?m)^(?!==> ).*\n", ""),)),
    ]
