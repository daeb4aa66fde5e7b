// A library to be dlopened, built several times as LIB_NAME. It throws, catches and converts; its
// constructor throws and catches too, before dlopen has returned.
#include <cstdio>
#include <new>
#include <vector>

#include "shapes.h"

namespace {
struct Early {
	Early()
	{
		try {
			std::vector<int> v;
			v.at(3) = 1;
		} catch (const std::out_of_range &) {
			caught = 1;
		}
		try {
			throw Failure("early", 5);
		} catch (const std::exception &e) {
			caught += dynamic_cast<const Failure *>(&e) ? 10 : 0;
		}
	}
	~Early() { printf("%s: destructor at exit\n", LIB_NAME); }
	int caught = 0;
} early;
}

extern "C" int library_early() { return early.caught; }

extern "C" void library_throw(int what)
{
	struct Unwound {
		~Unwound() { printf("%s: frame unwound\n", LIB_NAME); }
	} u;
	switch (what) {
	case 0: throw Failure(LIB_NAME, 7);
	case 1: throw std::runtime_error(LIB_NAME);
	case 2: throw 42;
	case 3: throw LooseError{9};
	case 4: throw Square();
	}
}

extern "C" int library_catch(void (*f)(int), int what)
{
	try {
		f(what);
	} catch (const Failure &e) {
		printf("%s: Failure %s %d\n", LIB_NAME, e.what(), e.code);
		return 1;
	} catch (const std::exception &e) {
		printf("%s: exception %s\n", LIB_NAME, e.what());
		return 2;
	} catch (const LooseError &e) {
		printf("%s: LooseError %d\n", LIB_NAME, e.code);
		return 3;
	} catch (const Shape &s) {
		printf("%s: shape %s\n", LIB_NAME, s.name());
		return 4;
	} catch (...) {
		printf("%s: something\n", LIB_NAME);
		return 5;
	}
	return 0;
}

extern "C" LooseBase *library_make() { return new Loose; }

extern "C" int library_take(LooseBase *b)
{
	Loose *l = dynamic_cast<Loose *>(b);
	LooseMixin *m = dynamic_cast<LooseMixin *>(b);
	return (l ? l->own : 0) * 10 + (m ? m->mixin : 0);
}
