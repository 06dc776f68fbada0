/** What `roost test-device` does: makes an invitation, shows it, and follows its events until the end. */
import { INVITATION_STEPS, type InvitationView, type MadeInvitation } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { plain } from '../plain.ts'
import { ServerCaller, type ServerOptions } from '../server/caller.ts'
import { requireServerUrl } from '../server/url.ts'
import { listenForStop } from '../stop.ts'
import { drawQr } from './qr.ts'
import { newLines, warningOf } from './steps-page.ts'

interface Options extends ServerOptions {
  readonly name?: string
  readonly opens?: string
  readonly reach?: string
  readonly until: string
  readonly json?: boolean
}

const FAILED = 1
const NOBODY_CAME = 2

export async function watchTestDevice(options: Options): Promise<void> {
  if (!INVITATION_STEPS.some(it => it === options.until))
    throw new StartError(`there is no step "${options.until}"`, `Give one of ${INVITATION_STEPS.join(', ')}.`)
  if (options.reach !== undefined) requireServerUrl(options.reach, '--reach')
  const server = new ServerCaller(options)
  const { name, opens, reach: serverUrl = options.url } = options
  const made = await server.json<MadeInvitation>('POST', '/test-devices/invitations', {
    name,
    opens,
    serverUrl,
  })
  const stop = listenForStop({ isForReader: true })
  await show(made, options)
  process.exitCode = exitCodeOf(await follow(server, { made, options, signal: stop.signal }), options)
  if (!stop.signal.aborted) return
  await server.json('DELETE', `/test-devices/invitations/${made.id}`)
  process.exitCode = stop.exitCode
}

async function show(made: MadeInvitation, { json, url, reach = url }: Options): Promise<void> {
  const warning = warningOf(reach)
  if (warning !== null) process.stderr.write(`${warning}\n`)
  if (json === true) return print(JSON.stringify(made))
  print(`${await drawQr(made.link)}\nScan it with the phone, or open:`)
  print(`  ${made.link}\n`)
}

interface Following {
  readonly made: MadeInvitation
  readonly options: Options
  readonly signal: AbortSignal
}

/** Returns the last that is known of it. */
async function follow(server: ServerCaller, { made, options, signal }: Following): Promise<InvitationView> {
  let last: InvitationView = made
  const path = `/test-devices/invitations/${made.id}/live`
  while (!isOver(last, options) && !signal.aborted) {
    const events = await server.stream(path)
    signal.addEventListener('abort', () => events.destroy(), { once: true })
    for await (const now of invitationsIn(events)) {
      tell(now, last, options)
      last = now
      if (isOver(last, options)) break
    }
  }
  return last
}

function isOver({ state, steps }: InvitationView, { until }: Options): boolean {
  return state === 'done' || state === 'over' || steps.some(it => it.step === until && it.state === 'done')
}

/** A stream that breaks off is opened again: with each the whole invitation comes first. */
async function* invitationsIn(events: AsyncIterable<Buffer>): AsyncGenerator<InvitationView> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const bytes of events) {
      text += decoder.decode(bytes, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data !== undefined) yield JSON.parse(data) as InvitationView
      }
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
  }
}

function tell(now: InvitationView, before: InvitationView, { json }: Options): void {
  if (json === true) print(JSON.stringify(now))
  else for (const line of newLines(plain(now), plain(before), process.stdout.isTTY)) print(line)
}

function exitCodeOf(last: InvitationView, options: Options): number {
  const isReached = last.steps.some(it => it.step === options.until && it.state === 'done')
  if (isReached) return 0
  if (last.hwid === null && last.steps.every(it => it.state === 'waiting')) return NOBODY_CAME
  return FAILED
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
