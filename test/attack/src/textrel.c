/* A library whose code holds an address: text relocation. */
__asm__(".text\n.globl text_word\n.balign 8\ntext_word: .quad tag_word\n");
long tag_word = 1;
extern long *text_word;

const char *who(void)
{
	return *text_word ? "relocated text" : "no";
}
