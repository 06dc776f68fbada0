/** The folder of the embedded PostgreSQL: made whole at the first start, and of the version that Roost ships. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StartError } from '../folder.ts'
import type { PostgresBinaries } from './binaries.ts'
import { USER } from './connection.ts'
import type { Launcher } from './launcher.ts'

export interface Place {
  readonly binaries: PostgresBinaries
  readonly launcher: Launcher
  readonly folder: string
  readonly password: string
  /** Aborted when it is not wanted any more: what is under way is ended, and rejects with its reason. */
  readonly signal: AbortSignal | undefined
}

/**
 * Makes the cluster in a draft beside and renames it, so that a killed first start leaves nothing half-made. Each
 * draft has a name of its own: initdb outlives a Roost that was killed for a moment, and goes on writing.
 */
export async function initialise(place: Place): Promise<void> {
  const { binaries, folder } = place
  const version = await versionOf(folder)
  if (version !== undefined) requireVersion(version, binaries.majorVersion, folder)
  else {
    await requireNoStranger(folder)
    await makeFolder(place)
  }
  await removeDrafts(folder)
}

export async function versionOf(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => undefined)
  return text?.trim()
}

/** Something else of that name is not ours to remove. */
async function requireNoStranger(folder: string): Promise<void> {
  const { names, code } = await readdir(folder).then(
    found => ({ names: found, code: '' }),
    (error: NodeJS.ErrnoException) => ({ names: [], code: error.code ?? '' }),
  )
  if (code === 'ENOENT' || (code === '' && names.length === 0)) return
  if (code === 'EACCES')
    throw new StartError(
      `${folder} belongs to another user`,
      'Start Roost as the user that made it, or name another folder with ROOST_DATA_DIR.',
    )
  // Looked at again, since a start beside this one may have put a whole database there in between.
  if ((await versionOf(folder)) !== undefined) return
  throw new StartError(
    `${folder} is there, but it is no database of PostgreSQL`,
    'Move it away, or name another folder with ROOST_DATA_DIR.',
  )
}

const draftsOf = (folder: string) => `${basename(folder)}.new`

async function makeFolder(place: Place): Promise<void> {
  const draft = join(place.folder, '..', `${draftsOf(place.folder)}-${randomBytes(4).toString('hex')}`)
  try {
    await makeCluster(place, draft)
    await rename(draft, place.folder)
  } catch (error) {
    // Where another start was faster, the claim on its server decides who may go on.
    if ((await versionOf(place.folder)) === undefined) throw error
  }
}

/** What killed starts left. One that is still being written to is left for the next time. */
async function removeDrafts(folder: string): Promise<void> {
  const root = dirname(folder)
  const drafts = (await readdir(root)).filter(name => name.startsWith(draftsOf(folder)))
  await Promise.allSettled(drafts.map(name => rm(join(root, name), { recursive: true, force: true })))
}

async function makeCluster(place: Place, draft: string): Promise<void> {
  const { binaries, launcher, folder, password, signal } = place
  await launcher.makeFolder(draft)
  const passwordFile = `${draft}-password`
  await writeFile(passwordFile, password, { mode: 0o600 })
  await launcher.own(passwordFile)
  const settings = [
    '-D',
    draft,
    '-U',
    USER,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
  ]
  // The built-in provider sorts alike on every machine, whatever locales it has.
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  const [command, args] = launcher.wrap(binaries.initdb, [...settings, ...locale])
  try {
    await runApart(command, args, place)
  } catch (error) {
    signal?.throwIfAborted()
    throw initialisationFault(folder, (error as Error).message)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** In a group of its own, as the server is: a Ctrl-C in the terminal is Roost's, which waits for the end of this. */
async function runApart(
  command: string,
  args: readonly string[],
  { launcher, signal }: Pick<Place, 'launcher' | 'signal'>,
): Promise<void> {
  signal?.throwIfAborted()
  const child = spawn(command, args, {
    cwd: '/',
    env: launcher.env,
    ...launcher.identity,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const end = () => endGroup(child)
  signal?.addEventListener('abort', end)
  const [code, endedBy] = await closed(child).finally(() => signal?.removeEventListener('abort', end))
  if (code === 0) return
  throw new Error(said.trim().split('\n').slice(-3).join(' ') || `it ended with ${endedBy ?? code}`)
}

/** With what it and those that it has started say. Rejects when it could not be started. */
async function closed(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
}

/** With the servers that initdb starts in turn. */
function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  } catch {
    // they have ended by themselves
  }
}

function initialisationFault(folder: string, said: string): StartError {
  if (/could not look up effective user ID/.test(said))
    return new StartError(
      `PostgreSQL wants a name for the user that runs it, and /etc/passwd has none for it: ${said}`,
      'Run Roost as a user of this machine, add a line for this one to /etc/passwd, or set ROOST_DATABASE_URL.',
    )
  return new StartError(
    `PostgreSQL could not make its folder ${folder}: ${said}`,
    'Check free space and permissions of the data folder, or set ROOST_DATABASE_URL.',
  )
}

export function requireVersion(found: string, wanted: string, folder: string): void {
  if (found === wanted) return
  throw new StartError(
    `${folder} was made by PostgreSQL ${found}, this Roost ships PostgreSQL ${wanted}`,
    `Run PostgreSQL ${found} on it and set ROOST_DATABASE_URL, or dump it with the Roost that made it (docs/operations.md).`,
  )
}
