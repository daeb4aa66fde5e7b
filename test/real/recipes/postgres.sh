# source: postgresql-15
# PostgreSQL with plpgsql, and as further modules two of contrib, each with its own tests.
. "$HERE/recipes/common.sh"

"$SRC/postgresql-15/configure" CC="$CC" CFLAGS="-O0 -pipe" LDFLAGS="$LDFLAGS" --prefix="$OUT" \
	--without-readline --without-zlib >configure.log 2>&1 || {
	tail -n 40 configure.log >&2; die "configure failed"; }
build() {
	make -j"$JOBS" COPT=-w "$@" >make.log 2>&1 || {
		tail -n 40 make.log >&2; die "make $* failed"; }
}
build -C src/backend generated-headers
for d in src/timezone src/backend src/backend/utils/mb/conversion_procs src/backend/snowball \
	src/interfaces/libpq src/bin/initdb src/bin/pg_ctl src/bin/psql src/bin/pg_dump \
	src/pl/plpgsql/src src/test/regress contrib/hstore contrib/pg_trgm; do
	build -C $d install
done
check_interp "$OUT/bin/postgres" "$OUT/bin/initdb" "$OUT/bin/psql"
# All tests in one place: they are run on one server.
mkdir "$OUT/tests"
for d in src/pl/plpgsql/src src/test/regress contrib/hstore contrib/pg_trgm; do
	(cd "$SRC/postgresql-15/$d" && cp -R sql expected data "$OUT/tests/")
done
cp src/test/regress/regress.so src/test/regress/pg_regress "$OUT/tests/"
chmod 755 "$OUT/tests/regress.so" "$OUT"/lib/*.so
mkdir "$OUT/shipped"
install -m 644 "$OUT/lib/hstore.so" "$OUT/shipped/"
