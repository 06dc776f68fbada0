/** What runs on a folder, for tests that start programs there. */
import { readdir, readFile, readlink } from 'node:fs/promises'

/** The process ids of what works in that folder: its working directory is there, or an argument names a place there. */
export async function programsIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const isAtWork = await Promise.all(
    pids.map(async pid => {
      const [place, command] = await Promise.all([
        readlink(`/proc/${pid}/cwd`).catch(() => ''), // it ended meanwhile, or is another user's
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      ])
      return place.startsWith(folder) || command.includes(folder)
    }),
  )
  return pids.filter((_, i) => isAtWork[i])
}
