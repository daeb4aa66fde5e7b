/* shapes.h: types that the programs and libraries of this directory throw and convert.
 *
 * Shape and Failure have a key function, in libshapes.so, so that one object owns their typeinfo.
 * Loose types are wholly inline: every object has its own typeinfo for them, and in libraries that
 * were opened RTLD_LOCAL these stay apart; only their names make them equal.
 */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdexcept>
#include <string>

struct Shape {
	virtual ~Shape();
	virtual const char *name() const;
};
struct Square : Shape {
	const char *name() const override;
	int side = 4;
};
struct Failure : std::runtime_error {
	Failure(const std::string &text, int code);
	~Failure() override;
	int code;
};

struct LooseBase {
	virtual ~LooseBase() {}
	int base = 1;
};
struct LooseMixin {
	virtual ~LooseMixin() {}
	int mixin = 2;
};
struct Loose : LooseBase, virtual LooseMixin {
	int own = 3;
};
struct LooseError {
	explicit LooseError(int code) : code(code) {}
	virtual ~LooseError() {}
	int code;
};

/* What the dlopened libraries define. */
typedef void thrower(int what);		/* library_throw: Failure, runtime_error, int, LooseError */
typedef int catcher(void (*f)(int), int what);	/* library_catch: calls and says what it caught */
typedef LooseBase *maker();		/* library_make: a Loose */
typedef int taker(LooseBase *);		/* library_take: dynamic_cast to Loose and LooseMixin */

#endif
