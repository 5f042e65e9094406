// Runs a WASI (preview 1) program in Node and ends with its exit status: cargo's runner for wasm32-wasip1.
// It gives the program its arguments and standard streams; no files, no environment.
import { readFile } from "node:fs/promises";
import { argv, exit } from "node:process";
import { WASI } from "node:wasi";

const [program, ...rest] = argv.slice(2);
if (program === undefined) {
  console.error("wasi-runner: give it a .wasm file and its arguments");
  exit(2);
}
const wasi = new WASI({ version: "preview1", args: [program, ...rest], env: {}, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
// A trap (a failed test, since there is no unwinding) is thrown and ends Node with status 1.
exit(wasi.start(instance));
