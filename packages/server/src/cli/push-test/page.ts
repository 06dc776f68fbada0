/** The result of a test as a page to read: what was sent, what came back, what it means, what to do. */
import { styleText } from 'node:util'
import type { ExchangeView, PushTestResult, TestOutcomeKind } from '@roost/protocol'
import { plain } from '../plain.ts'

/** "Accepted" is never called "delivered". */
const HEADLINES: Readonly<Record<TestOutcomeKind, string>> = {
  accepted: 'Accepted by the gateway',
  address_dead: 'Refused: the address is gone',
  address_mismatch: 'Refused: the address does not fit the credential',
  message_fault: 'Refused: the message can’t be sent as it is',
  credential_fault: 'Refused: the credential',
  retry: 'Not now: the gateway asks to come again',
  not_sent: 'Not sent',
  uncertain: 'Uncertain: sent, and no answer came',
}

const WIDTH = 100
const INDENT = '    '

type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string

export function pageOf(result: PushTestResult, hasColors: boolean): string {
  const paint: Paint = (style, text) => (hasColors ? styleText(style, text) : text)
  const nothing = [paint('dim', '(Nothing left this machine.)')]
  const exchanges =
    result.exchanges.length === 0 ? nothing : result.exchanges.map(it => exchangeLines(it, paint))
  return `${[...exchanges, verdictLines(result, paint)].join('\n\n')}\n`
}

function exchangeLines({ request, response, failure, latencyMs }: ExchangeView, paint: Paint): string {
  const certificate = request.hasClientCertificate ? ['(with a client certificate)'] : []
  return [
    paint('bold', `${request.method} ${request.url}`),
    ...headerLines(request.headers, paint),
    ...certificate.map(it => paint('dim', `  ${it}`)),
    ...bodyLines(request.body),
    '',
    ...(response === null
      ? [paint('bold', `  → no answer after ${latencyMs} ms: ${plain(failure?.reason ?? '')}`)]
      : [
          paint('bold', `  → ${response.status} in ${latencyMs} ms`),
          ...headerLines(response.headers, paint),
          ...bodyLines(response.body),
        ]),
    ...(failure?.goaway === undefined ? [] : [`  GOAWAY: ${plain(failure.goaway)}`]),
  ].join('\n')
}

function headerLines(headers: Readonly<Record<string, string>>, paint: Paint): string[] {
  return Object.entries(headers).map(
    ([name, value]) => `  ${paint('dim', `${plain(name)}:`)} ${plain(value)}`,
  )
}

function bodyLines(body: string): string[] {
  if (body === '') return []
  return pretty(body)
    .split('\n')
    .map(line => `  ${plain(line)}`)
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body.trimEnd()
  }
}

function verdictLines({ outcome, meaning, remedy, hint, deliveryId }: PushTestResult, paint: Paint): string {
  const { kind, reason, since, afterMs } = outcome
  const style =
    kind === 'accepted' ? 'green' : ['retry', 'not_sent', 'uncertain'].includes(kind) ? 'yellow' : 'red'
  const headline = reason === null ? HEADLINES[kind] : `${HEADLINES[kind]} (${plain(reason)})`
  return [
    paint(style, headline),
    ...wrap(`${meaning}${since === null ? '' : ` Since ${since}.`}`),
    '',
    paint('bold', 'What to do'),
    ...wrap(`${remedy}${afterMs ? ` The gateway asks for ${Math.ceil(afterMs / 1000)} s of patience.` : ''}`),
    ...(hint === null ? [] : ['', paint('bold', 'By the way'), ...wrap(hint)]),
    '',
    paint('dim', `delivery id ${deliveryId}`),
  ].join('\n')
}

/** At words; a long one stays whole. */
function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(INDENT + word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
