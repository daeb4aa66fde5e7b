// Threads, thread_local objects with destructors, and the rest of the library's concurrency.
//
// usage: threads TEST [LIBRARY]
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <future>
#include <latch>
#include <mutex>
#include <numeric>
#include <pthread.h>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "local.h"

extern "C" int needed_touch();

namespace {

thread_local Local own("program");
struct AtExit {
	~AtExit() { puts("program: static destructor"); }
} at_exit;

void on_thread(const char *name, int (*opened)())
{
	std::thread([=] {
		printf("-- %s\n", name);
		own.count++;
		printf("%d %d\n", needed_touch(), opened ? opened() : 0);
		printf("%d %d\n", needed_touch(), opened ? opened() : 0);
	}).join();
}

// A destructor of one thread_local object that makes another anew.
struct Late {
	~Late() { puts("late: destroyed"); own.count = 50; }
};
thread_local Late late;

void locals(const char *library)
{
	on_thread("before dlopen", nullptr);
	// A thread that was there before the library: it gets its objects at its first use.
	std::mutex m;
	std::condition_variable c;
	int (*volatile opened)() = nullptr;
	std::thread old([&] {
		std::unique_lock<std::mutex> l(m);
		c.wait(l, [&] { return opened != nullptr; });
		puts("-- older thread");
		printf("%d\n", opened());
	});
	void *h = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!h) {
		printf("%s\n", dlerror());
		exit(3);
	}
	{
		std::lock_guard<std::mutex> l(m);
		opened = reinterpret_cast<int (*)()>(dlsym(h, "opened_touch"));
	}
	c.notify_all();
	old.join();
	on_thread("after dlopen", opened);
	std::thread([] {
		puts("-- resurrected");
		(void)&late;
		volatile Late *l = &late;
		(void)l;
	}).join();
	// dlclose while objects of the library are alive: nothing of it may go away.
	std::thread([&] {
		puts("-- closed");
		printf("%d\n", opened());
		dlclose(h);
	}).join();
	puts("-- main");
	own.count = 7;
	printf("%d %d\n", opened(), needed_touch());
	atexit([] { puts("atexit"); });
	fflush(stdout);
}

// POSIX threads that end by pthread_exit and by cancellation: whose frames are unwound?
void posix()
{
	struct Frame {
		~Frame() { puts("frame unwound"); }
	};
	pthread_t t;
	pthread_create(&t, nullptr, [](void *) -> void * {
		Frame f;
		own.count = 1;
		pthread_exit(nullptr);
	}, nullptr);
	pthread_join(t, nullptr);
	pthread_create(&t, nullptr, [](void *) -> void * {
		Frame f;
		own.count = 2;
		for (;;)
			std::this_thread::sleep_for(std::chrono::seconds(1));
	}, nullptr);
	std::this_thread::sleep_for(std::chrono::milliseconds(50));
	pthread_cancel(t);
	pthread_join(t, nullptr);
}

// What a failing call throws has to leave through the C library's pthread_once, which has no tables
// for an unwinder.
void once(bool fails)
{
	std::once_flag flag;
	std::atomic<int> count{0};
	std::vector<std::thread> v;
	for (int i = 0; i < 8; i++)
		v.emplace_back([&] { std::call_once(flag, [&] { count++; }); });
	for (std::thread &t : v)
		t.join();
	printf("once %d\n", count.load());
	fflush(stdout);
	std::once_flag failing;
	for (int i = 0; fails && i < 3; i++)
		try {
			std::call_once(failing, [&] { throw std::runtime_error("again"); });
		} catch (const std::runtime_error &e) {
			puts(e.what());
		}
	struct Singleton {
		static int &value()
		{
			static int v = [] { puts("singleton"); return 5; }();
			return v;
		}
	};
	std::thread a([] { Singleton::value(); }), b([] { Singleton::value(); });
	a.join();
	b.join();
	printf("%d\n", Singleton::value());
}

void waits()
{
	std::vector<int> data(10000);
	std::iota(data.begin(), data.end(), 1);
	auto half = [&](int from, int to) {
		return std::accumulate(data.begin() + from, data.begin() + to, 0LL);
	};
	auto a = std::async(std::launch::async, half, 0, 5000);
	auto b = std::async(std::launch::async, half, 5000, 10000);
	printf("%lld\n", a.get() + b.get());
	std::promise<std::string> p;
	std::future<std::string> f = p.get_future();
	std::thread([&] {
		try {
			throw std::logic_error("through a future");
		} catch (...) {
			p.set_exception(std::current_exception());
		}
	}).join();
	try {
		f.get();
	} catch (const std::logic_error &e) {
		puts(e.what());
	}
	try {
		f.get();
	} catch (const std::future_error &e) {
		puts(e.code().message().c_str());
	}
	std::shared_mutex s;
	std::barrier round(4);
	std::latch done(4);
	std::atomic<int> turn{0};
	int shared = 0;
	std::vector<std::jthread> v;
	for (int i = 0; i < 4; i++)
		v.emplace_back([&, i](std::stop_token stop) {
			for (int r = 0; r < 100; r++) {
				{
					std::unique_lock<std::shared_mutex> l(s);
					shared += i;
				}
				round.arrive_and_wait();
				std::shared_lock<std::shared_mutex> l(s);
				if (shared != (r + 1) * 6)
					abort();
				l.unlock();
				round.arrive_and_wait();
			}
			done.count_down();
			while (!stop.stop_requested())
				std::this_thread::yield();
			while (turn != i)
				turn.wait(turn.load());
			printf("thread %d\n", i);
			turn++;
			turn.notify_all();
		});
	done.wait();
	for (std::jthread &t : v)
		t.request_stop();
	v.clear();
	printf("%d\n", shared);
	std::timed_mutex m;
	std::lock_guard<std::timed_mutex> l(m);
	std::thread([&] {
		printf("%d\n", m.try_lock_for(std::chrono::milliseconds(20)));
	}).join();
}

}

int main(int argc, char **argv)
{
	std::string test = argc > 1 ? argv[1] : "";
	if (test == "locals") locals(argv[2]);
	else if (test == "posix") posix();
	else if (test == "once") once(false);
	else if (test == "once-throws") once(true);
	else if (test == "waits") waits();
	else return 2;
	return 0;
}
