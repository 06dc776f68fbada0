/**
 * Packages that are no dependencies of Roost, from npm's registry into a folder of their own. Their install steps are
 * not run.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

/**
 * npm's own patience adds up to many minutes, too long to learn that there is no network. Versions are exact, so what
 * npm has of them already is as good as the registry's.
 */
const IMPATIENT = [
  '--prefer-offline',
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
  '--fetch-timeout=30000',
]
const GIVE_UP_MS = 300_000

/** @param {string} folder @param {string[]} packages with versions; all others are taken away @returns {boolean} */
export function npmInstall(folder, packages) {
  mkdirSync(folder, { recursive: true })
  const options = ['install', '--prefix', folder, '--ignore-scripts', '--no-save', '--silent', ...IMPATIENT]
  const { status } = spawnSync('npm', [...options, ...packages], { stdio: 'ignore', timeout: GIVE_UP_MS })
  return status === 0
}
