/**
 * Whether a message fits its gateways, told before anybody waits for it. Content that is the same for all is checked when
 * the message is made; what a template makes of it, by the gateways' clients for each device.
 */
import { type AttemptOutcome, findNotificationFault, type GatewayName } from '@roost/gateways'
import { type Content, PushError } from '@roost/protocol'
import { findVariableFault } from './facts.ts'
import { languagesOf, partsOf, Renderer, type RendererOptions, type Rendering, type Texts } from './render.ts'
import { TemplateFault } from './template.ts'

const TOO_LARGE = /^payload_too_large: (\d+ bytes, (\d+) allowed); biggest: (.*)$/

/** A client's words for one payload, in such a form that deliveries with the same reason are counted together. */
export function faultOf(outcome: AttemptOutcome): AttemptOutcome {
  if (outcome.kind !== 'message_fault') return outcome
  const found = TOO_LARGE.exec(outcome.reason)
  if (found === null) return outcome
  const [, , allowed, biggest = ''] = found
  const fields = biggest.replaceAll(/ \d+(?=,|$)/g, '')
  return { ...outcome, reason: `message_too_large: more than ${allowed} bytes; biggest: ${fields}` }
}

const GATEWAYS: readonly GatewayName[] = ['apns', 'fcm', 'webpush', 'hms']
const NAMES = { apns: 'APNs', fcm: 'FCM', webpush: 'Web Push', hms: 'HMS' } as const

/**
 * What is wrong with content, at any gateway for templates, and by the rules of those that the app sends to for the rest.
 * `message_too_large` or `input_invalid`; undefined when all is well.
 */
export function findContentFault(
  rendering: Rendering,
  gateways: readonly GatewayName[],
): PushError | undefined {
  const refusal = findDefaultFault(rendering.content)
  if (refusal !== undefined) return refusal
  const texts: Texts = new Map()
  for (const gateway of GATEWAYS) {
    const options = { gateway, texts, counts: { shared: 0, personal: 0 } }
    const fault = faultAt(rendering, options, gateways.includes(gateway))
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultAt(rendering: Rendering, options: RendererOptions, isSentTo: boolean): PushError | undefined {
  const { gateway } = options
  let renderer: Renderer
  try {
    renderer = new Renderer(rendering, options)
  } catch (error) {
    if (error instanceof TemplateFault) return new PushError('input_invalid', `body/content/${error.message}`)
    throw error
  }
  const unknown = renderer.variables.map(findVariableFault).find(it => it !== undefined)
  if (unknown !== undefined)
    return new PushError('input_invalid', `body/content: a template names a variable: ${unknown}`)
  if (!isSentTo) return undefined
  for (const language of languagesOf(rendering.content, gateway)) {
    const notification = renderer.constantFor(language)
    const reason = notification && findNotificationFault(gateway, notification)
    if (reason !== undefined) return refusalOf(reason, gateway, language)
  }
  return undefined
}

function refusalOf(reason: string, gateway: GatewayName, language: string): PushError {
  const place = language === '' ? NAMES[gateway] : `${NAMES[gateway]}, language ${language}`
  const found = TOO_LARGE.exec(reason)
  if (found === null) return new PushError('input_invalid', `body/content: ${place}: ${reason}`)
  return new PushError('message_too_large', `${place}: ${found[1]}; what takes most, in bytes: ${found[3]}`)
}

function findDefaultFault({ defaults = {} }: Content): PushError | undefined {
  for (const variable of Object.keys(defaults)) {
    const fault = findVariableFault(partsOf(variable))
    if (fault !== undefined)
      return new PushError('input_invalid', `body/content/defaults/${variable}: ${fault}`)
  }
  return undefined
}
