// swc.cjs: compiles TypeScript with a native module that unpacks itself: swc.cjs FILE
const swc = require(process.argv[2]);
const options = Buffer.from(JSON.stringify({ jsc: { parser: { syntax: "typescript" } } }));
console.log(swc.transformSync("const a: number = 1 + 2; export default a;", false, options).code);
