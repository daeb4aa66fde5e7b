// native.cjs: calls into native modules, from the main thread, promises and a worker:
// native.cjs TREE, the directory of the modules.
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");
const tree = isMainThread ? process.argv[2] : workerData;
const load = (file) => require(tree + "/" + file);

const crc32 = load("crc32/crc32.linux-x64-musl.node");
if (!isMainThread) {
	parentPort.postMessage(crc32.crc32("from a worker"));
} else {
	const argon2 = load("argon2/argon2.linux-x64-musl.node");
	const oxc = load("oxc-parser/parser.linux-x64-musl.node");
	const rollup = load("rollup/rollup.linux-x64-musl.node");
	const css = load("lightningcss/lightningcss.linux-x64-musl.node");
	const snappy = load("snappy/snappy.linux-x64-musl.node");

	const salt = Buffer.from("0123456789abcdef");
	console.log("crc32", crc32.crc32("hello"));
	console.log("argon2", argon2.hashSync("secret", { salt, timeCost: 2, memoryCost: 4096 }));
	console.log("oxc", JSON.parse(oxc.parseSync("t.js", "let x = y ?? 1;").program).node.body[0].type);
	console.log("rollup", rollup.xxhashBase16(Buffer.from("hello")));
	console.log("css", Buffer.from(css.transform({ filename: "t.css", minify: true,
		code: Buffer.from(".a { color: #ff0000; margin: 0px }") }).code).toString());
	const packed = snappy.compressSync(Buffer.from("ward ".repeat(100)), null);
	const unpacked = snappy.uncompressSync(packed, { asBuffer: true }, null);
	console.log("snappy", packed.length, unpacked.length);
	const worker = new Worker(__filename, { workerData: tree });
	worker.on("message", async (m) => {
		console.log("worker", m);
		const hash = await argon2.hash("secret", { salt, timeCost: 2, memoryCost: 4096 });
		console.log("promise", await argon2.verify(hash, "secret"), await argon2.verify(hash, "no"));
		await worker.terminate();
		try {
			crc32.crc32({});
		} catch (e) {
			console.log("error", e.code ?? e.name);
		}
		console.log("done");
	});
}
