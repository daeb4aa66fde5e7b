/* vm.h: what the parts of the program in this directory know of each other.
 *
 * It has the shape of OpenJDK's launcher: bin/java needs libjli.so and finds it through its RUNPATH;
 * libjli.so opens lib/server/libjvm.so by absolute path and starts the machine on a new thread;
 * libjvm.so opens libjava.so by absolute path, and that needs libjvm.so, which no search path finds.
 */
#ifndef VM_H
#define VM_H

/* libjli: the launcher; options before the words of the program. */
int JLI_Launch(int argc, char **argv);

/* libjvm: 0, or what failed. The thread that calls is the first of the machine. */
int JNI_CreateJavaVM(const char *lib);
/* A handle like those of System.loadLibrary; its JNI_OnLoad has run. NULL: dlerror has the reason. */
void *JVM_LoadLibrary(const char *path);
/* Counted by everybody; the caller's thread must be one of the machine's. */
int JVM_Count(void);
/* Run on a new thread of the machine. */
int JVM_StartThread(void (*f)(void *), void *arg);

#endif
