import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { cpuOf } from './cpu-time.ts'

test.runIf(process.platform === 'linux')(
  'the CPU time of a process is told, and of one that has ended none',
  async () => {
    const child = spawn(process.execPath, [
      '-e',
      'const end = Date.now() + 300; while (Date.now() < end); console.log(process.cpuUsage().user); setInterval(() => {}, 1e6)',
    ])
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    const pid = child.pid ?? 0
    expect(await cpuOf(pid)).toBeGreaterThan(Number(said) / 2)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await cpuOf(pid)).toBeUndefined()
  },
)
