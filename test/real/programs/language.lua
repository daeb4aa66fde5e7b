-- language.lua: a walk through the interpreter: closures, coroutines, strings, files, collector.
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
print(fib(22), 7 // 2, 2 ^ 10, 0x7fffffffffffffff + 1 == math.mininteger)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end)
print(co(), co(), co())
print(("a,b;c"):gsub("[,;]", "|"), ("%5.2f|%q"):format(math.pi, "x\ny"))
print(pcall(error, { code = 7 }), select("#", table.unpack({ 1, nil, 3 }, 1, 3)))
local name = os.tmpname()
local f <close> = assert(io.open(name, "w+"))
f:write("one\ntwo\n"):seek("set")
for line in f:lines() do io.write(line, ";") end
os.remove(name)
local t = setmetatable({}, { __mode = "k" })
for i = 1, 1000 do t[{}] = i end
collectgarbage()
print(next(t), #table.concat({ ("x"):rep(100000) }))
print(os.setlocale("C"), os.date("!%Y-%m-%d", 0), utf8.len("h\u{e9}"))
print("done")
