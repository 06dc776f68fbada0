/** The data folder: whether it is there, is ours alone, and has room. Nothing is made or changed in it. */
import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { diskFault } from '../../store/folder.ts'
import { bytesOf, codeOfError, type Finding, messageOf, ok, warning, wrong } from './finding.ts'

const SUBJECT = 'data folder'
/** What opens the base, its credentials or its API. */
const PRIVATE_FILES = ['secret', 'postgres.password', 'server-token'] as const
const OTHERS = 0o077
const MIB = 1024 ** 2
/** PostgreSQL may need a gigabyte for its log alone (max_wal_size), and stops without room for it. */
const LITTLE_BYTES = 2048 * MIB
const NEARLY_NONE_BYTES = 256 * MIB
const LITTLE_FILES = 1000

export async function lookAtFolder(config: Config): Promise<Finding[]> {
  const folder = config.dataDirectory
  const fault = await findFault(config)
  if (fault !== undefined) return fault
  return [...(await privacyFindings(folder)), await spaceFinding(folder)]
}

/** Undefined when it can be used; an empty list when there is none and nobody needs one. */
async function findFault(config: Config): Promise<Finding[] | undefined> {
  const { dataDirectory: folder } = config
  try {
    if (!(await stat(folder)).isDirectory())
      return [
        wrong(SUBJECT, `${folder} is no folder`, 'Move it away, or name another one with ROOST_DATA_DIR.'),
      ]
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    if (codeOfError(error) === 'ENOENT') return needsFolder(config) ? [missing(folder)] : []
    const remedy =
      diskFault(error)?.remedy ?? 'Give it to the user that runs Roost, or run this command as that user.'
    return [wrong(SUBJECT, `can't be used: ${messageOf(error)}`, remedy)]
  }
}

function needsFolder({ databaseUrl, secret }: Config): boolean {
  return databaseUrl === undefined || secret === undefined
}

function missing(folder: string): Finding {
  return warning(
    SUBJECT,
    `there is none at ${folder}`,
    'Run this where the server is started, or name its folder with ROOST_DATA_DIR. The first start of a server makes one.',
  )
}

async function privacyFindings(folder: string): Promise<Finding[]> {
  const names = ['', ...PRIVATE_FILES]
  const modes = await Promise.all(names.map(name => modeOf(join(folder, name))))
  const open = names.filter((_, i) => ((modes[i] ?? 0) & OTHERS) !== 0)
  const isFolderOpen = open.includes('')
  const files = open.filter(it => it !== '')
  if (files.length > 0)
    return [
      wrong(
        SUBJECT,
        `other users of this machine may read ${files.join(', ')} in ${folder}`,
        `chmod 600 ${files.map(it => join(folder, it)).join(' ')}`,
      ),
    ]
  return isFolderOpen
    ? [warning(SUBJECT, `other users of this machine may look into ${folder}`, `chmod 700 ${folder}`)]
    : [ok(SUBJECT, folder)]
}

/** Windows has none; what is not there has none either. */
async function modeOf(path: string): Promise<number | undefined> {
  if (process.platform === 'win32') return undefined
  return stat(path).then(
    it => it.mode,
    () => undefined,
  )
}

async function spaceFinding(folder: string): Promise<Finding> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(folder)
  return judgeSpace({ freeBytes: bavail * bsize, bytes: blocks * bsize, files, freeFiles: ffree })
}

export interface Space {
  readonly freeBytes: number
  readonly bytes: number
  /** 0 where a file system has no limit for them. */
  readonly files: number
  readonly freeFiles: number
}

export function judgeSpace({ freeBytes, bytes, files, freeFiles }: Space): Finding {
  const subject = 'disk'
  const says = `${bytesOf(freeBytes)} of ${bytesOf(bytes)} are free`
  const remedy = 'Make room, or move the data folder to a larger disk while the server is stopped.'
  if (files > 0 && freeFiles < LITTLE_FILES)
    return wrong(subject, `room for ${freeFiles} more files only`, remedy)
  if (freeBytes < NEARLY_NONE_BYTES) return wrong(subject, says, remedy)
  if (freeBytes < LITTLE_BYTES) return warning(subject, says, remedy)
  return ok(subject, says)
}
