/**
 * CPU time of processes on this machine, for measurements that wall-clock time would tell wrongly: user and system time
 * as the kernel counts it, threads included. Linux alone has it in files; elsewhere there is none to tell.
 *
 * Source: proc_pid_stat(5), fields 4 (ppid) and 14 to 17 (utime, stime, cutime, cstime), in ticks of 1/100 s.
 */
import { readdir, readFile } from 'node:fs/promises'
import type { Database } from '../../store/database.ts'

const MICROSECONDS_PER_TICK = 10_000

interface Process {
  readonly parent: number
  readonly microseconds: number
  /** Of children that have ended. */
  readonly endedMicroseconds: number
}

/** Microseconds; undefined when the process is not there. */
export async function cpuOf(pid: number): Promise<number | undefined> {
  return (await readProcess(pid))?.microseconds
}

/**
 * Microseconds of PostgreSQL as a whole: all connections, the writer of the log, vacuums. Undefined when it runs on
 * another machine.
 */
export async function cpuOfPostgres(db: Database): Promise<number | undefined> {
  const { rows } = await db.query<{ pid: number }>('select pg_backend_pid() as pid')
  const backend = rows[0]?.pid ?? 0
  if (!(await isPostgres(backend))) return undefined
  const main = (await readProcess(backend))?.parent ?? 0
  const others = await Promise.all((await allPids()).map(readProcess))
  const own = await readProcess(main)
  return others
    .filter(it => it?.parent === main)
    .reduce(
      (total, it) => total + (it?.microseconds ?? 0),
      (own?.microseconds ?? 0) + (own?.endedMicroseconds ?? 0),
    )
}

async function isPostgres(pid: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  return name.startsWith('postgres')
}

async function allPids(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  return names.filter(name => /^\d+$/.test(name)).map(Number)
}

/** Fields are counted from behind the name, which may hold spaces and brackets. */
async function readProcess(pid: number): Promise<Process | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, parent = 0] = fields
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15)
  return {
    parent,
    microseconds: (user + system) * MICROSECONDS_PER_TICK,
    endedMicroseconds: (endedUser + endedSystem) * MICROSECONDS_PER_TICK,
  }
}
