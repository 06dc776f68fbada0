/**
 * How the embedded server is started. PostgreSQL refuses to run as root (its source: `check_root` in
 * main.c), so root hands it to another user:
 *
 * - the owner of an existing folder, else `postgres` or `nobody`, whichever the machine has;
 * - where that user can't even reach the programs or the folder (below /root, say), `setpriv` of util-linux
 *   leaves it one capability, reading directories and files, which is enough to walk there. initdb asks access(2)
 *   about its own programs, for which the kernel leaves capabilities out unless the securebit `no_setuid_fixup` is
 *   set (capabilities(7)); it then says "invalid binary" and goes on, so its words are looked at and not its status.
 *
 * `setpriv --pdeathsig` also ends the server when Roost is killed, so that `kill -9` leaves nothing running.
 */
import { execFile } from 'node:child_process'
import { access, chown, constants, mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../folder.ts'

export interface Launcher {
  /** Who to run as, for `spawn`; empty when it is the user we are. */
  readonly identity: { readonly uid?: number; readonly gid?: number }
  readonly env: NodeJS.ProcessEnv
  /** The command line that starts `program`. */
  wrap(program: string, args: readonly string[]): [string, string[]]
  makeFolder(path: string): Promise<void>
  /** Hands a file to the user that the server runs as. */
  own(path: string): Promise<void>
}

interface User {
  readonly uid: number
  readonly gid: number
}

export async function chooseLauncher(options: {
  readonly folder: string
  /** What has to run: initdb, the more demanding of the two programs. */
  readonly probe: string
}): Promise<Launcher> {
  const setpriv = await findSetpriv()
  if (process.getuid?.() !== 0) return ordinary(setpriv)
  const user = await otherUser(options.folder)
  const places = [options.probe, dirname(options.folder)]
  if (setpriv !== undefined) return privileged(setpriv, user, places)
  if (await canReach(user, options.probe)) return plainUser(user)
  throw new StartError(
    `PostgreSQL can't run as root, and user ${user.uid} can't reach ${options.probe}`,
    'Start Roost as an ordinary user, install util-linux (setpriv), or set ROOST_DATABASE_URL.',
  )
}

/** No TZ, LC_* or PG* of the caller: the server shall behave alike everywhere. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', HOME: '/' }
}

function ordinary(setpriv: string | undefined): Launcher {
  return {
    identity: {},
    env: serverEnvironment(),
    wrap: (program, args) =>
      setpriv === undefined || program.endsWith('initdb')
        ? [program, [...args]]
        : [setpriv, ['--pdeathsig', 'INT', program, ...args]],
    makeFolder: async path => {
      await mkdir(path, { recursive: true, mode: 0o700 })
    },
    own: async () => undefined,
  }
}

function asUser(user: User): Pick<Launcher, 'env' | 'makeFolder' | 'own'> {
  return {
    env: serverEnvironment(),
    makeFolder: async path => {
      await mkdir(path, { recursive: true, mode: 0o700 })
      await chown(path, user.uid, user.gid)
    },
    own: path => chown(path, user.uid, user.gid),
  }
}

function plainUser(user: User): Launcher {
  return { ...asUser(user), identity: user, wrap: (program, args) => [program, [...args]] }
}

async function privileged(setpriv: string, user: User, places: readonly string[]): Promise<Launcher> {
  const become = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--pdeathsig', 'INT']
  const access = places.flatMap(place => ['-x', place, '-a'])
  const isReachable = (await complaintOf(setpriv, [...become, 'test', ...access, '1'])) === undefined
  const grants = isReachable ? [] : await workingGrants(setpriv, become, places)
  return {
    ...asUser(user),
    identity: {},
    wrap: (program, args) => [setpriv, [...become, ...grants, program, ...args]],
  }
}

/** Docker grants containers `dac_override` but not `dac_read_search`; either lets the server walk there. */
async function workingGrants(
  setpriv: string,
  become: readonly string[],
  places: readonly string[],
): Promise<readonly string[]> {
  const probe = places[0] ?? '/'
  let complaint = ''
  for (const capability of ['dac_read_search', 'dac_override']) {
    const grants = [
      '--securebits=+no_setuid_fixup',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
    ]
    const said = await complaintOf(setpriv, [...become, ...grants, probe, '--version'])
    if (said === undefined) return grants
    complaint = said
  }
  throw new StartError(
    `PostgreSQL can't run as root, and no other user can reach ${places.join(' and ')}${complaint}`,
    'Move the checkout and ROOST_DATA_DIR out of /root, start Roost as an ordinary user, or set ROOST_DATABASE_URL.',
  )
}

/** Undefined when the command ran and had nothing to complain about. */
async function complaintOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stderr } = await promisify(execFile)(command, [...args], { cwd: '/' })
    return stderr.trim() === '' ? undefined : lastLine(stderr)
  } catch (error) {
    return lastLine((error as { stderr?: string }).stderr ?? '')
  }
}

function lastLine(said: string): string {
  const line = said.trim().split('\n').at(-1) ?? ''
  return line === '' ? '' : ` (${line})`
}

async function canReach(user: User, program: string): Promise<boolean> {
  return promisify(execFile)(program, ['--version'], { cwd: '/', ...user }).then(
    () => true,
    () => false,
  )
}

async function findSetpriv(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  for (const path of ['/usr/bin/setpriv', '/bin/setpriv']) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}

/** initdb looks its user up by name, so the id must be one that the machine knows. */
async function otherUser(folder: string): Promise<User> {
  const owner = await stat(folder).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  for (const name of ['postgres', 'nobody']) {
    const fields = passwd
      .split('\n')
      .find(line => line.startsWith(`${name}:`))
      ?.split(':')
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  throw new StartError(
    'PostgreSQL refuses to run as root, and no other user was found',
    'Start Roost as an ordinary user.',
  )
}
