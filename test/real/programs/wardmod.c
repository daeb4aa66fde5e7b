/*
 * wardmod.c: a Lua module of our own. It uses what a loader must get right for a module: a symbol
 * of the program's library, a constructor, thread-local data and a function pointer in a table.
 */
#include <lauxlib.h>
#include <lua.h>

static int started;
static _Thread_local int calls = 40;

__attribute__((constructor)) static void start(void)
{
	started = 1;
}

static int count(lua_State *L)
{
	lua_pushinteger(L, ++calls);
	return 1;
}

static int ready(lua_State *L)
{
	lua_pushboolean(L, started);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "count", count },
	{ "ready", ready },
	{ NULL, NULL },
};

int luaopen_wardmod(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
