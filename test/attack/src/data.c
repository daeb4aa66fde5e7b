/* A library without code: its tag, and a pointer to it, so that there is a relocation. */
const char tag[] = TAG;
const char *const tag_pointer = tag;
