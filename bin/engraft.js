#!/usr/bin/env node
// Written for any Node.js, so that an old one hears what is wrong instead of a syntax error.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`Engraft needs Node.js 22.18 or newer, but this is ${process.version}. 'npm install -g node@24' or https://nodejs.org brings it.`)
  process.exit(1)
}
import('../dist/main.js')
