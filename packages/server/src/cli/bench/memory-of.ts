/** Resident memory of a process of this machine, as Linux tells it: proc_pid_status(5), VmRSS and VmHWM in kB. */
import { readFile } from 'node:fs/promises'

export interface Memory {
  readonly rssMb: number
  /** The most that it ever had. */
  readonly peakMb: number
}

/** NaN where the system does not tell. */
export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const megabytes = (field: string) =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024)
  return { rssMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') }
}
