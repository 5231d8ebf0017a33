#!/usr/bin/env node
// Speaks the part of the native compiler's command line that py-solc-x needs, over the `solc` package of contracts/.
//
//   solc_from_npm.js --version          the long version, as the native compiler prints it
//   solc_from_npm.js --standard-json    standard JSON from stdin to stdout; every source must be given in full
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const PACKAGE = path.join(path.dirname(__dirname), "contracts", "node_modules", "solc");

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

function main(options) {
  if (options.length !== 1 || !["--version", "--standard-json"].includes(options[0])) {
    process.stderr.write(`expected --version or --standard-json, got: ${options.join(" ")}\n`);
    return 2;
  }
  const solc = require(PACKAGE);
  // The compiler installs a handler that prints itself, all nine megabytes, before any error.
  process.removeAllListeners("uncaughtException");
  if (options[0] === "--version") {
    print(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
  } else {
    print(solc.compile(fs.readFileSync(0, "utf8")));
  }
  return 0;
}

process.exit(main(process.argv.slice(2)));
