/**
 * `npm test`: builds, sets up what the tests need, runs them all, and closes with one line "N passed, N failed".
 *
 * What can't be had here is skipped and told in one line with the way to get it; with CI=true that is a failure.
 * Arguments go to vitest: `npm test -- --project unit packages/gateways`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npmInstall } from './npm-install.mjs'
import { installPeers } from './peers.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, '.cache')
const isCi = process.env.CI === 'true'
const reportFile = join(cache, 'test-report.json')

/** @param {string} command @param {string[]} args @param {object} [options] @returns {boolean} */
function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options }).status === 0
}

/** @type {string[]} */
const skipped = []

/** Debian's lists of packages are fetched once at most: without a network each try takes its time. */
let areListsFresh = false

/**
 * Quiet, since a failure becomes one line at the end; gives back apt-get's own last word on it, or ''.
 * @param {string} debianPackage @returns {string}
 */
function aptInstall(debianPackage) {
  const apt = (/** @type {string[]} */ ...args) =>
    spawnSync('apt-get', ['-qq', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=20', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    })
  const install = () => apt('-y', '--no-install-recommends', 'install', debianPackage)
  let { status, stderr } = install()
  if (status !== 0 && !areListsFresh) {
    areListsFresh = true
    apt('update')
    ;({ status, stderr } = install())
  }
  return status === 0 ? '' : (stderr.split('\n').findLast(line => line.startsWith('E: ')) ?? '')
}

/**
 * A program that tests need and that is no npm package: Debian's, installed here when we may.
 * @param {string} what @param {string} debianPackage @param {string[]} paths @returns {string} where it is, or ''
 */
function prepareProgram(what, debianPackage, paths) {
  const found = () => paths.find(path => existsSync(path))
  let why = ''
  if (found() === undefined && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log(`installing the Debian package ${debianPackage} for the ${what}`)
    why = aptInstall(debianPackage)
  }
  const program = found()
  if (program === undefined)
    skipped.push(
      `${what}: no ${paths[0]} (apt-get install ${debianPackage})${why && `; apt-get says ${why}`}`,
    )
  return program ?? ''
}

/** The real browsers of the end-to-end tests. */
function prepareFirefox() {
  return prepareProgram('browser tests', 'firefox-esr', ['/usr/bin/firefox-esr', '/usr/bin/firefox'])
}

function prepareChromium() {
  return prepareProgram('browser tests with Chromium', 'chromium', ['/usr/bin/chromium'])
}

/** GTK's, which paints on a screen: Xvfb is one without glass. */
function prepareWebKit() {
  const what = 'browser tests with WebKit'
  const screen = prepareProgram(what, 'xvfb', ['/usr/bin/Xvfb'])
  return screen && prepareProgram(what, 'webkit2gtk-driver', ['/usr/bin/WebKitWebDriver'])
}

/** Libraries that nobody here wrote, as clients of the simulator. */
function preparePeers() {
  try {
    return installPeers()
  } catch (error) {
    skipped.push(`tests of the simulator by other libraries: ${/** @type {Error} */ (error).message}`)
    return ''
  }
}

/** A judge of certificates and files that nobody here wrote; small images of Node lack it. */
function prepareOpenssl() {
  prepareProgram('tests of certificates', 'openssl', ['/usr/bin/openssl'])
}

/** Servers that nobody here wrote; the tests of the HTTP/2 engine look for them at these places. */
function prepareHttp2Servers() {
  prepareProgram('HTTP/2 tests against nghttpd', 'nghttp2-server', ['/usr/sbin/nghttpd'])
  prepareProgram('HTTP/2 tests against nginx', 'nginx-light', ['/usr/sbin/nginx'])
}

/** Between servers that share a database; the tests look for it at this place. */
function prepareNats() {
  prepareProgram('tests with NATS', 'nats-server', ['/usr/sbin/nats-server', '/usr/bin/nats-server'])
}

/**
 * Users should run Node 24; a smoke test starts the server on it. npm's package "node" fetches its program in an
 * install step, which npm may hold back, so the package that it would fetch is taken at once.
 */
function prepareNode24() {
  if (process.versions.node.startsWith('24.')) return process.execPath
  const folder = join(cache, 'node-24')
  const name = `node-${process.platform}-${process.arch}`
  const program = join(folder, 'node_modules', name, 'bin', 'node')
  if (existsSync(program) || npmInstall(folder, [`${name}@24`])) return program
  skipped.push(`Node 24 smoke test: npm could not install ${name}@24 (needs the npm registry)`)
  return ''
}

function readReport() {
  const report = JSON.parse(readFileSync(reportFile, 'utf8'))
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

mkdirSync(cache, { recursive: true })
rmSync(reportFile, { force: true })
if (!run(process.execPath, [join(root, 'scripts', 'build-when-stale.mjs')])) process.exit(1)
prepareOpenssl()
prepareHttp2Servers()
prepareNats()
const env = {
  ...process.env,
  ROOST_TEST_FIREFOX: prepareFirefox(),
  ROOST_TEST_CHROMIUM: prepareChromium(),
  ROOST_TEST_WEBKIT: prepareWebKit(),
  ROOST_TEST_NODE_24: prepareNode24(),
  ROOST_TEST_PEERS: preparePeers(),
}
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
const isGreen = run(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], { env })

for (const what of skipped) console.log(`skipped: ${what}`)
const counts = existsSync(reportFile) ? readReport() : { passed: 0, failed: 1, skipped: 0 }
const missing = isCi && (skipped.length > 0 || counts.skipped > 0)
if (missing) console.log('with CI=true nothing may be skipped')
// A run that broke outside a test (set-up, a worker that died) has no failed test to count.
const failed = counts.failed === 0 && (!isGreen || missing) ? 1 : counts.failed
console.log(`${counts.passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
