/** The steps of an invitation as lines to read: each once when it comes to be, and again when it changes. */
import { styleText } from 'node:util'
import type { InvitationStep, InvitationView, StepView } from '@roost/protocol'

/** "Accepted" is never called "received". */
const NAMES: Readonly<Record<InvitationStep, string>> = {
  scanned: 'code scanned',
  app_opened: 'app opened',
  permission: 'notifications allowed',
  token: 'token from the system',
  upload: 'token handed in',
  credential: 'credential found',
  accepted: 'accepted by the gateway',
  received: 'received by the phone',
  opened: 'opened',
}
const WIDTH = 26

/** To a phone its own loopback is the phone itself; simulators on this machine have the same. Source: RFC 6761, 6.3; RFC 1122, 3.2.1.3. */
export function warningOf(reach: string): string | null {
  const { hostname } = new URL(reach)
  if (!/^(localhost|.*\.localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/.test(hostname)) return null
  return `warning: the code leads to ${hostname}, where no phone but a simulator on this machine finds the server\n  → Say --reach with an address that the phone has a way to, as http://192.168.1.10:7460.`
}

/** Lines for what differs from `before`. */
export function newLines(
  { steps }: InvitationView,
  before: InvitationView | undefined,
  hasColors: boolean,
): string[] {
  return steps.flatMap((step, i) => {
    const known = before?.steps[i]
    const isNew = step.state !== 'waiting' && (known?.state !== step.state || known.at !== step.at)
    return isNew ? linesOf(step, hasColors) : []
  })
}

function linesOf({ step, state, at, detail, remedy }: StepView, hasColors: boolean): string[] {
  const paint = (style: 'green' | 'red', text: string) => (hasColors ? styleText(style, text) : text)
  const mark = state === 'done' ? paint('green', '✓') : paint('red', '✗')
  const time = at === null ? '' : new Date(at).toLocaleTimeString('en-GB')
  const line = `${mark} ${time}  ${NAMES[step].padEnd(WIDTH)}${detail ?? ''}`.trimEnd()
  return state === 'failed' && remedy !== null ? [line, `    → ${remedy}`] : [line]
}
