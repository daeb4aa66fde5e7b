// Exceptions across dlopened libraries, C frames, threads and signal frames.
//
// usage: exceptions TEST LIBRARY...
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "shapes.h"

extern "C" void frames_call(void (*f)(int), int what, int depth);
extern "C" void frames_walk(void (*frame)(void *pc, void *arg), void *arg);

namespace {

struct Lib {
	void *handle;
	thrower *raise;
	catcher *handle_one;
	maker *make;
	taker *take;
};

template <class T> void get(void *handle, const char *name, T &out)
{
	out = reinterpret_cast<T>(dlsym(handle, name));
	if (!out) {
		printf("%s\n", dlerror());
		exit(3);
	}
}

Lib open_lib(const char *path, int flags = RTLD_NOW | RTLD_LOCAL)
{
	Lib l;
	l.handle = dlopen(path, flags);
	if (!l.handle) {
		printf("%s\n", dlerror());
		exit(3);
	}
	int (*early)();
	get(l.handle, "library_throw", l.raise);
	get(l.handle, "library_catch", l.handle_one);
	get(l.handle, "library_make", l.make);
	get(l.handle, "library_take", l.take);
	get(l.handle, "library_early", early);
	printf("constructor caught %d\n", early());
	return l;
}

void catch_here(const Lib &l, int what)
{
	try {
		l.raise(what);
	} catch (const Failure &e) {
		printf("program: Failure %s %d\n", e.what(), e.code);
	} catch (const std::exception &e) {
		printf("program: exception %s\n", e.what());
	} catch (int i) {
		printf("program: int %d\n", i);
	} catch (const LooseError &e) {
		printf("program: LooseError %d\n", e.code);
	} catch (const Shape &s) {
		printf("program: shape %s\n", s.name());
	}
}

thrower *volatile current;
void through_frames(int what) { frames_call(*current, what, 20); }

void basic(std::vector<Lib> &libs)
{
	for (int what = 0; what < 5; what++) {
		catch_here(libs[0], what);
		printf("%d\n", libs[1].handle_one(libs[0].raise, what));
		current = libs[0].raise;
		printf("%d\n", libs[1].handle_one(through_frames, what));
	}
	// Thrown in one library, rethrown by the program, caught in another.
	printf("%d\n", libs[0].handle_one([](int what) {
		try {
			through_frames(what);
		} catch (...) {
			puts("program: rethrows");
			throw;
		}
	}, 0));
}

void threads(std::vector<Lib> &libs)
{
	std::vector<std::thread> v;
	int count[8] = {};
	std::exception_ptr kept;
	for (int t = 0; t < 8; t++)
		v.emplace_back([&, t] {
			for (int i = 0; i < 200; i++)
				try {
					frames_call([](int what) {
						if (what)
							throw LooseError{what};
					}, i, i % 7);
					throw std::runtime_error("none");
				} catch (const LooseError &e) {
					count[t] += e.code;
				} catch (const std::exception &) {
					count[t] += 1000;
				}
			if (t == 3)
				try {
					libs[0].raise(0);
				} catch (...) {
					kept = std::current_exception();
				}
		});
	for (std::thread &t : v)
		t.join();
	for (int c : count)
		printf("%d\n", c);
	try {
		std::rethrow_exception(kept);
	} catch (const Failure &e) {
		printf("from thread 3: %s %d\n", e.what(), e.code);
	}
	try {
		try {
			libs[1].raise(1);
		} catch (...) {
			std::throw_with_nested(Failure("outer", 1));
		}
	} catch (const std::exception &e) {
		try {
			std::rethrow_if_nested(e);
		} catch (const std::exception &inner) {
			printf("%s within %s\n", inner.what(), e.what());
		}
	}
}

void types(std::vector<Lib> &libs)
{
	for (Lib &a : libs)
		for (Lib &b : libs) {
			LooseBase *p = a.make();
			printf("%d ", b.take(p));
			delete p;
		}
	Loose own;
	printf("%d\n", libs[0].take(&own));
	LooseBase *p = libs[1].make();
	printf("%s %d\n", typeid(*p).name(), typeid(*p) == typeid(Loose));
	delete p;
}

void frame(void *pc, void *arg)
{
	Dl_info i;
	if (!dladdr(pc, &i) || !i.dli_sname || !*static_cast<int *>(arg))
		return;
	const char *file = strrchr(i.dli_fname, '/');
	printf("%s %s\n", file ? file + 1 : i.dli_fname, i.dli_sname);
	if (!strcmp(i.dli_sname, "main"))
		*static_cast<int *>(arg) = 0;	// what is below main is the C library's business
}

void backtrace(std::vector<Lib> &libs)
{
	libs[0].handle_one([](int) {
		frames_call([](int) {
			int go = 1;
			frames_walk(frame, &go);
		}, 0, 3);
	}, 0);
}

void fault(int) { throw Failure("from a signal frame", 11); }

void signals(std::vector<Lib> &libs)
{
	struct sigaction sa = {};
	sa.sa_handler = fault;
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGSEGV, &sa, nullptr);
	for (int i = 0; i < 3; i++)
		printf("%d\n", libs[1].handle_one([](int) {
			volatile int *volatile p = reinterpret_cast<int *>(16);
			*p = 1;
		}, 0));
}

// Each library adds an object to what the unwinder has seen: it must notice.
void many(int argc, char **argv)
{
	int caught = 0;
	for (int i = 0; i < argc; i++) {
		char *path = realpath(argv[i], nullptr);
		void *h = dlopen(path ? path : argv[i], RTLD_NOW | RTLD_LOCAL);
		thrower *raise;
		if (!h) {
			printf("%s\n", dlerror());
			exit(3);
		}
		get(h, "library_throw", raise);
		try {
			raise(3);
		} catch (const LooseError &e) {
			caught += e.code;
		}
		if (i % 10 == 9) {
			std::thread([&] {
				try {
					raise(2);
				} catch (int n) {
					caught += n;
				}
			}).join();
			printf("%d libraries: %d\n", i + 1, caught);
		}
	}
}

[[noreturn]] void by_terminate()
{
	puts("terminate");
	fflush(stdout);
	_Exit(9);
}

}

int main(int argc, char **argv)
{
	std::string test = argc > 1 ? argv[1] : "";
	std::vector<Lib> libs;
	if (test == "many") {
		many(argc - 2, argv + 2);
		return 0;
	}
	if (test == "escapes") {
		std::set_terminate(by_terminate);
		try {
			dlopen(argv[2], RTLD_NOW);
		} catch (...) {
			puts("caught behind dlopen");
		}
		return 0;
	}
	for (int i = 2; i < argc; i++)
		libs.push_back(open_lib(argv[i]));
	if (test == "basic") basic(libs);
	else if (test == "threads") threads(libs);
	else if (test == "types") types(libs);
	else if (test == "backtrace") backtrace(libs);
	else if (test == "signals") signals(libs);
	else if (test == "uncaught") libs[0].raise(0);
	else return 2;
	return 0;
}
