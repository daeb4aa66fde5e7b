/* A library that demands a place in the static TLS block; ROOM: and a large one. */
#ifdef ROOM
__thread char room[ROOM] __attribute__((tls_model("initial-exec")));
#endif
__thread int counter __attribute__((tls_model("initial-exec"))) = 5;

const char *who(void)
{
#ifdef ROOM
	for (int i = 0; i < ROOM; i++) room[i]++;
#endif
	return counter++ ? "initial-exec" : "no";
}
