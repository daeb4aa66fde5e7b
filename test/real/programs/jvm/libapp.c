/* app/libapp.so: says nothing of what it needs; linked NOW, so it loads only where it is found. */
int JVM_Count(void);

int JNI_OnLoad(void) { return 0x10008 + (JVM_Count() > 1); }
