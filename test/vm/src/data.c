/* A library without a single instruction: mapping it asks nobody for PROT_EXEC. */
extern const char data_tag[];
const char data_tag[] = "data";
const char *const data_table[] = { data_tag };
