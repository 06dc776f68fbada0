/**
 * The libraries that measurements compare with and that try the simulator out. Roost does not need them to run, so they
 * are no dependencies of its packages: whoever needs them first installs them into .cache/. package.json has them for `bench -- pipeline`, in the same versions.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npmInstall } from './npm-install.mjs'

export const PEERS = {
  apns2: '12.2.0',
  '@parse/node-apn': '8.1.0',
  'firebase-admin': '14.5.1',
  'web-push': '3.6.7',
}

const folder = fileURLToPath(new URL('../.cache/peers', import.meta.url))

/** @param {string} name @param {string} version */
function isInstalled(name, version) {
  const file = join(folder, 'node_modules', name, 'package.json')
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === version
}

/**
 * Gives back a file from whose place `require` finds them; all of them, since npm takes away what an install does not
 * name. Throws when npm can't get them.
 */
export function installPeers() {
  const wanted = Object.entries(PEERS)
  if (!wanted.every(([name, version]) => isInstalled(name, version))) {
    const packages = wanted.map(([name, version]) => `${name}@${version}`)
    if (!npmInstall(folder, packages))
      throw new Error(`npm could not install ${packages.join(', ')} (needs the npm registry)`)
  }
  return join(folder, 'require-from-here.cjs')
}
