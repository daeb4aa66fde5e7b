/*
 * A library without one instruction of its own, so that nothing of it has to be mapped executable:
 * its constructor is a function that the program has.
 */
extern void host_hook(void);

__attribute__((section(".init_array"), used)) static void (*const start[])(void) = { host_hook };
