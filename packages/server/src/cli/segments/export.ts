/** `roost segments export`: asks the server for the file, tells how far it is, and fetches it. */
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { SegmentExportView } from '@roost/protocol'
import { SingleBar } from 'cli-progress'
import { StartError } from '../../store/folder.ts'
import { writeOutput } from '../output-file.ts'
import { ServerCaller } from '../server/caller.ts'
import { find, type Options, type Print } from './calls.ts'

interface ExportOptions extends Options {
  readonly format: 'csv' | 'ndjson' | 'spreadsheet'
  readonly tokens?: boolean
  readonly output?: string
  readonly link?: boolean
}

const LOOK_AGAIN_MS = 250

export async function exportSegment(given: string, options: ExportOptions, print: Print): Promise<void> {
  const server = new ServerCaller(options)
  const { id } = await find(server, given)
  const asked = { format: options.format, tokens: options.tokens === true ? 'full' : 'masked' }
  const begun = await server.json<SegmentExportView>('POST', `/segments/${id}/exports`, asked)
  const done = await ended(server, begun, options.json !== true)
  if (done.state === 'failed')
    throw new StartError(
      `the export failed: ${done.error}`,
      '`roost segments show` and `size` tell whether the segment still makes sense.',
    )
  const { devices, bytes, url, expiresAt } = done
  if (options.link === true)
    return print(options.json ? JSON.stringify(done) : `${url}\n  ${devices} devices, until ${expiresAt}`)
  const path = options.output ?? (done.fileName as string)
  await fetchFile(url as string, options, path)
  print(options.json ? JSON.stringify({ ...done, path }) : `${path}: ${devices} devices, ${bytes} bytes`)
}

async function ended(
  server: ServerCaller,
  begun: SegmentExportView,
  isShown: boolean,
): Promise<SegmentExportView> {
  const bar = isShown ? progressBar() : undefined
  bar?.start(100, 0, { devices: 0 })
  try {
    for (let it = begun; ; it = await server.json<SegmentExportView>('GET', `/segment-exports/${begun.id}`)) {
      bar?.update(Math.floor(it.progress * 100), { devices: it.devices })
      if (it.state === 'done' || it.state === 'failed') return it
      await pause(LOOK_AGAIN_MS)
    }
  } finally {
    bar?.stop()
  }
}

/** On standard error, so that it is in nobody's way; where that is no terminal, a plain line every two seconds. */
function progressBar(): SingleBar {
  const bar = process.stderr.isTTY ? '{bar} ' : ''
  return new SingleBar({
    format: `${bar}{percentage} % | {devices} devices | {eta_formatted} left`,
    stream: process.stderr,
    clearOnComplete: true,
    noTTYOutput: true,
    notTTYSchedule: 2000,
  })
}

/** By the way to the server that was given: the link has the name that the server knows itself by. */
async function fetchFile(link: string, { url }: Options, path: string): Promise<void> {
  const { pathname, search } = new URL(link)
  const response = await fetch(new URL(`${pathname}${search}`, url))
  if (!response.ok || response.body === null)
    throw new StartError(
      `the file is not given out: status ${response.status}`,
      'Somebody who is in it may just have been erased: run the command again.',
    )
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
  await writeOutput(path, body)
}
