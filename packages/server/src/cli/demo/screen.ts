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

export function terminalScreen(output: NodeJS.WriteStream): Screen {
  const write = (text: string) => output.write(`${text}\n`)
  let steps = 0
  return {
    step: text => write(`\n${++steps}. ${text}`),
    say: text => write(`   ${text}`),
    progress: (label, total) => (output.isTTY ? bar(output, label, total) : lines(write, label, total)),
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

function bar(output: NodeJS.WriteStream, label: string, total: number): Progress {
  const shown = new cliProgress.SingleBar(
    { format: `   ${label} {bar} {value}/{total}  {duration_formatted}`, stream: output, hideCursor: true },
    cliProgress.Presets.shades_classic,
  )
  shown.start(total, 0)
  return {
    update: done => shown.update(done),
    end: () => shown.stop(),
  }
}

function lines(write: (text: string) => void, label: string, total: number): Progress {
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
