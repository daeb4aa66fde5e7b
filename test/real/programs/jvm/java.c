/* bin/java: nothing but a call into libjli.so. */
#include "vm.h"

int main(int argc, char **argv) { return JLI_Launch(argc, argv); }
