#!/usr/bin/env node
// Speaks the part of the native compiler's command line that py-solc-x, forge and crytic-compile need, over the `solc`
// package of contracts/.
//
//   solc_from_npm.js --version                    the long version, as the native compiler prints it
//   solc_from_npm.js --standard-json [OPTION...]  standard JSON from stdin to stdout; every source must be given in full,
//                                                 so that options about paths, which these programs add, change nothing
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const PACKAGE = path.join(path.dirname(__dirname), "contracts", "node_modules", "solc");
const PATH_OPTIONS = ["--allow-paths", "--base-path", "--include-path"];

/** Writes all of `text` before returning: exiting while a pipe still drains would cut the output short. */
function print(text) {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += fs.writeSync(1, bytes, written);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

/** `options` without those about paths and their values. */
function withoutPaths(options) {
  return options.filter((option, i) => !PATH_OPTIONS.includes(option) && !PATH_OPTIONS.includes(options[i - 1]));
}

function main(options) {
  const [mode, ...unknown] = withoutPaths(options);
  if (unknown.length > 0 || !["--version", "--standard-json"].includes(mode)) {
    process.stderr.write(`expected --version or --standard-json, got: ${options.join(" ")}\n`);
    return 2;
  }
  const solc = require(PACKAGE);
  // The compiler installs a handler that prints itself, all nine megabytes, before any error.
  process.removeAllListeners("uncaughtException");
  if (mode === "--version") {
    // forge compares the platform too, and knows that of the native compiler alone
    const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
    print(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
  } else {
    print(solc.compile(fs.readFileSync(0, "utf8")));
  }
  return 0;
}

process.exit(main(process.argv.slice(2)));
