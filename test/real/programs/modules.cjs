// modules.cjs: requires native modules and says what each exports: modules.cjs FILE...
for (const file of process.argv.slice(2)) {
	const name = file.split("/").pop();
	try {
		const names = Object.getOwnPropertyNames(require(file)).sort();
		console.log(name + ": " + names.length + " exports: " + names.slice(0, 4).join(" "));
	} catch (e) {
		console.log(name + ": " + String(e.message ?? e).split("\n")[0]);
	}
}
