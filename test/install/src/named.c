/* named.c: says whether it runs on stock musl or on ward. The names that only stock musl exports tell. */
#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
	return printf("hello from %s\n", dlsym(RTLD_DEFAULT, "__dls3") ? "stock" : "ward") < 0;
}
