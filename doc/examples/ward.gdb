# ward.gdb: what gdb does not find by itself in a direct run (ld-ward ./app); see doc/debugging.md.
#
#     gdb -x ward.gdb -p PID

define ward-program
  eval "add-symbol-file %s -o %#lx", (char *)ld_state.main->name, (long)ld_state.main->base
end
document ward-program
Load the symbols of the program of a direct run, which gdb takes for the loader.
Needs the debugging information of the loader, and the program under the path it was started by.
end
