# The stack protector's canary is a global variable here.
LD_NO_SSP += ldso/anon.c src/apply.c src/arena.c src/dyn.c src/err.c src/phdr.c src/sym.c
