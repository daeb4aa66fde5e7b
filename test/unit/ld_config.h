/* ld_config.h: what the build generates, for the unit tests of ldso/: a prefix nobody has. */
#ifndef LD_CONFIG_H
#define LD_CONFIG_H

#define LD_ARCH "unit"
#define LD_PREFIX "/prefix"

#endif
