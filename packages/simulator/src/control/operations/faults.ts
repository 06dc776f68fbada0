/**
 * Faults on demand, the same ones for each endpoint of the stand-ins; what they may answer differs.
 */
import type { ApnsFault } from '../../apns/world.ts'
import type { FcmFault, GoogleTokenFault } from '../../fcm/gateway.ts'
import { FCM_FORMS } from '../../fcm/refusals.ts'
import type { FcmTopicFault } from '../../fcm/topic-management.ts'
import type { Delayed, Faults } from '../../gateway/faults.ts'
import { HMS_CODES } from '../../hms/codes.ts'
import type { HmsFault, HmsTokenFault } from '../../hms/gateway.ts'
import type { Simulator } from '../../simulator.ts'
import type { WebPushAnswer } from '../../web-push/gateway.ts'
import { WEB_PUSH_FAULTS } from '../../web-push/refusals.ts'
import {
  count,
  duration,
  type Field,
  type FieldTable,
  oneOf,
  optional,
  shape,
  share,
  text,
  type Values,
} from '../fields.ts'
import { type Operation, operation } from '../operation.ts'

const LATER = { delayMs: optional(duration()) }
const DROP = {
  ...LATER,
  drop: oneOf('refuse_stream', 'reset_stream', 'reset_connection', 'silence'),
}
const status = count(100)
const PLAIN = { ...LATER, status, body: optional(text()) }
const FCM_ANSWER = {
  ...LATER,
  form: oneOf(...FCM_FORMS),
  field: optional(text()),
  description: optional(text()),
  apnsReason: optional(text()),
  retryAfter: optional(text()),
}
const TOPIC_ERRORS = oneOf(
  'NOT_FOUND',
  'INVALID_ARGUMENT',
  'TOO_MANY_TOPICS',
  'RESOURCE_EXHAUSTED',
  'PERMISSION_DENIED',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'UNKNOWN',
)
const APNS_ANSWER = {
  ...LATER,
  reason: text("one of Apple's reasons, or another word with its status"),
  status: optional(status),
  timestamp: optional(count()),
}

export const FAULTS: readonly Operation[] = [
  ...faultsOf<ApnsFault>('apns', {
    of: ({ apns }) => apns.faults,
    answer: shape({ reason: APNS_ANSWER, drop: DROP, status: { ...LATER, status: oneOf(200) } }),
  }),
  ...faultsOf<ApnsFault>('apns-channels', {
    of: ({ apns }) => apns.managementFaults,
    answer: shape({ reason: APNS_ANSWER, drop: DROP }),
  }),
  ...faultsOf<FcmFault>('fcm', {
    of: ({ fcm }) => fcm.faults,
    answer: shape({ form: FCM_ANSWER, drop: DROP }),
  }),
  ...faultsOf<FcmTopicFault>('fcm-topics', {
    of: ({ fcm }) => fcm.topicFaults,
    answer: shape({ error: { ...LATER, error: TOPIC_ERRORS }, drop: DROP }),
    hasListener: false,
  }),
  ...faultsOf<GoogleTokenFault>('google-token', {
    of: ({ fcm }) => fcm.tokenFaults,
    answer: shape({ status: PLAIN, drop: DROP }),
  }),
  ...faultsOf<WebPushAnswer>('web-push', {
    of: ({ webPush }) => webPush.faults,
    answer: shape({
      fault: { ...LATER, fault: oneOf(...WEB_PUSH_FAULTS), retryAfter: optional(text()) },
      status: PLAIN,
      drop: DROP,
    }),
  }),
  ...faultsOf<HmsFault>('hms', {
    of: ({ hms }) => hms.faults,
    answer: shape({
      code: { ...LATER, code: oneOf(...HMS_CODES), msg: optional(text()) },
      status: PLAIN,
      drop: DROP,
    }),
  }),
  ...faultsOf<HmsTokenFault>('hms-token', {
    of: ({ hms }) => hms.tokenFaults,
    answer: shape({ status: PLAIN, drop: DROP }),
  }),
]

/** Of outages that end by themselves, by the faults of their gateway. */
const endings = new WeakMap<object, NodeJS.Timeout>()

interface Target<Spec extends Delayed> {
  readonly of: (simulator: Simulator) => Faults<Spec>
  readonly answer: Field<Spec>
  /** False for faults that share another's listener; default true. */
  readonly hasListener?: boolean
}

function faultsOf<Spec extends Delayed>(name: string, target: Target<Spec>): Operation[] {
  return [
    ...answers(name, target),
    ...pace(name, target),
    ...(target.hasListener === false ? [] : connections(name, target)),
  ]
}

function answers<Spec extends Delayed>(name: string, { of, answer }: Target<Spec>): Operation[] {
  return [
    fault(name, 'next', {
      summary: 'The next request, or the next `times`, get this answer.',
      fields: { answer, times: optional(count(1)) },
      run: (simulator, { answer: spec, times }) => of(simulator).answerNext(spec, times),
    }),
    fault(name, 'token', {
      summary: 'Requests for this token or endpoint get this answer, `times` times or for ever.',
      fields: { token: text(), answer, times: optional(count(1)) },
      run: (simulator, { token, answer: spec, times }) => of(simulator).answerFor(token, spec, times),
    }),
    fault(name, 'everything', {
      summary: 'Every request, or this share of them, gets this answer until it is cleared.',
      fields: { answer, share: optional(share()) },
      run: (simulator, { answer: spec, share: part = 1 }) => of(simulator).answerSome(spec, part),
    }),
    fault(name, 'clear', {
      summary: 'Forgets planned answers, latency and GOAWAY, releases what is held, and ends an outage.',
      run: simulator => {
        clearTimeout(endings.get(of(simulator)))
        of(simulator).clear()
        return of(simulator).acceptConnections()
      },
    }),
  ]
}

function pace<Spec extends Delayed>(name: string, { of }: Target<Spec>): Operation[] {
  return [
    fault(name, 'latency', {
      summary: 'Each answer waits a time drawn between the two; `max` is `min` when absent.',
      fields: { min: duration(), max: optional(duration()) },
      run: (simulator, { min, max }) => of(simulator).setLatency(min, max),
    }),
    fault(name, 'hold', {
      summary: 'Answers are decided and kept back, all of them or those for one token.',
      fields: { token: optional(text()) },
      run: (simulator, options) => of(simulator).holdAnswers(options),
    }),
    fault(name, 'release', {
      summary: 'Sends what is kept back.',
      run: simulator => of(simulator).releaseAnswers(),
    }),
  ]
}

function connections<Spec extends Delayed>(name: string, { of }: Target<Spec>): Operation[] {
  return [
    fault(name, 'goaway', {
      summary: 'Connections, one or `times`, are told to go away on their request of number `after`.',
      fields: {
        after: count(1),
        times: optional(count(1)),
        processed: optional(count()),
        code: optional(count()),
        reason: optional(text()),
        debug: optional(text()),
      },
      run: (simulator, { after, ...options }) => of(simulator).goAwayAfter(after, options),
    }),
    fault(name, 'outage', {
      summary: 'Connections are cut and refused: for a time, or until it is cleared.',
      fields: { for: optional(duration()) },
      run: async (simulator, options) => {
        const faults = of(simulator)
        clearTimeout(endings.get(faults))
        await faults.refuseConnections()
        if (options.for === undefined) return
        // Nobody waits for it: a port that somebody has taken meanwhile stays away until it is cleared.
        const end = () => void faults.acceptConnections().catch(() => {})
        endings.set(faults, setTimeout(end, options.for).unref())
      },
    }),
  ]
}

function fault<const Table extends FieldTable = Readonly<Record<never, never>>>(
  gateway: string,
  verb: string,
  options: {
    readonly summary: string
    readonly fields?: Table
    readonly run: (simulator: Simulator, values: Values<Table>) => unknown
  },
): Operation {
  const { run } = options
  return operation<Table>(`faults.${gateway}.${verb}`, `POST /faults/${gateway}/${verb}`, {
    ...options,
    run: ({ simulator }, values) => run(simulator, values),
  })
}
