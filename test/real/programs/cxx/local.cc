// A library with thread_local objects, built as one of the program's own and as one to be dlopened.
#include "local.h"

namespace {
thread_local Local first(LIB_NAME ".first");
thread_local Local second(LIB_NAME ".second");
struct AtExit {
	~AtExit() { puts(LIB_NAME ": static destructor"); }
} at_exit;
}

// The second is first used after the first: it must go before it.
extern "C" int LIB_TOUCH() { return ++first.count * 100 + ++second.count; }
