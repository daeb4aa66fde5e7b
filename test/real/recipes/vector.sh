# npm-x86_64: @sqliteai/sqlite-vector-linux-x86_64-musl@1.0.0
# also: recipes/prebuilt.sh
# An SQLite extension as others built it.
. "$HERE/recipes/common.sh"
. "$HERE/recipes/prebuilt.sh"

take @sqliteai/sqlite-vector-linux-x86_64-musl@1.0.0 vector vector.so
