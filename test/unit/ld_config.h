/* ld_config.h: what the build generates, for the unit tests of ldso/: a prefix nobody has, and a
 * build whose floor and default differ from ward's own. */
#ifndef LD_CONFIG_H
#define LD_CONFIG_H

#define LD_ARCH "unit"
#define LD_PREFIX "/prefix"
#define LD_BUILD_POLICY "missing=refuse"
#define LD_BUILD_STATIC_TLS 512
#define LD_BUILD_FLOOR "seal=code report=all"

#endif
