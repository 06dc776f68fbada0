/** What the demo shows: steps, progress bars, tables. Where the output is no terminal, a bar becomes a few lines. */
import cliProgress from 'cli-progress'
import Table from 'cli-table3'

export interface Progress {
  update(done: number): void
  end(): void
}

export interface Screen {
  step(text: string): void
  say(text: string): void
  progress(label: string, total: number): Progress
  table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void
}

/** Silent from the moment that `signal`, if any, is aborted; a bar gives the cursor back then. */
export function terminalScreen(
  output: NodeJS.WriteStream,
  signal: AbortSignal = new AbortController().signal,
): Screen {
  const write = (text: string) => signal.aborted || output.write(`${text}\n`)
  let steps = 0
  return {
    step: text => write(`\n${++steps}. ${text}`),
    say: text => write(`   ${text}`),
    progress: (label, total) =>
      output.isTTY ? bar({ output, signal, label, total }) : lines(write, label, total),
    table: (head, rows) => write(tableOf(head, rows)),
  }
}

/** For `--json`: only the last line is printed. */
export const silentScreen: Screen = {
  step: () => undefined,
  say: () => undefined,
  progress: () => ({ update: () => undefined, end: () => undefined }),
  table: () => undefined,
}

function bar(options: {
  readonly output: NodeJS.WriteStream
  readonly signal: AbortSignal
  readonly label: string
  readonly total: number
}): Progress {
  const { output, signal, label, total } = options
  const shown = new cliProgress.SingleBar(
    { format: `   ${label} {bar} {value}/{total}  {duration_formatted}`, stream: output, hideCursor: true },
    cliProgress.Presets.shades_classic,
  )
  shown.start(total, 0)
  const end = () => shown.stop()
  signal.addEventListener('abort', end, { once: true })
  return {
    update: done => {
      if (!signal.aborted) shown.update(done)
    },
    end: () => {
      signal.removeEventListener('abort', end)
      if (!signal.aborted) end()
    },
  }
}

function lines(write: (text: string) => unknown, label: string, total: number): Progress {
  let nextShare = 0.25
  return {
    update: done => {
      if (total === 0 || done / total < nextShare) return
      write(`   ${label} ${done}/${total}`)
      nextShare = Math.floor((done / total) * 4 + 1) / 4
    },
    end: () => undefined,
  }
}

function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
  })
  table.push(
    ...rows.map(row => row.map(cell => (typeof cell === 'number' ? cell.toLocaleString('en') : cell))),
  )
  return table
    .toString()
    .split('\n')
    .map(line => `   ${line}`)
    .join('\n')
}
