/* A library that demands a place in the static TLS block. */
__thread int counter __attribute__((tls_model("initial-exec"))) = 5;

const char *who(void)
{
	return counter++ ? "initial-exec" : "no";
}
