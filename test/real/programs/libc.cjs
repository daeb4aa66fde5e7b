// libc.cjs: which C library detect-libc finds below it, in each of its ways: libc.cjs DETECT_LIBC
const libc = require(process.argv[2]);
const { execSync } = require("node:child_process");

console.log("family", libc.familySync(), "version", libc.versionSync());
console.log("not glibc", libc.isNonGlibcLinuxSync());
// The words its last resort runs, and the two lines it reads.
console.log(execSync("ldd --version 2>&1 || true", { encoding: "utf8" })
	.split("\n").slice(0, 2).join(" | "));
Promise.all([libc.family(), libc.version()]).then((x) => console.log("promises", ...x));
