/* lib/libjava.so: needs libjvm.so by that name. */
#include <stdio.h>

#include "vm.h"

int JNI_OnLoad(void) { return 0x10000 + (JVM_Count() > 0); }

int Java_java_twice(int n)
{
	JVM_Count();
	return 2 * n;
}
