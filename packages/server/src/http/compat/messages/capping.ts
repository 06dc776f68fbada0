/**
 * Frequency capping of one notification, in the compatible protocol: `capping_days` and `capping_count` are a cap of its own, beside
 * the app's; `capping_avoid`: the app's does not concern it; `capping_exclude`: it counts towards no cap. Or the same as an object,
 * `frequency_capping` {days, count, avoid, exclude}.
 *
 * Here a message has one cap, so of two the tighter one is taken; where neither is tighter the notification is refused.
 * Source: the vendor's help centre, "How do I apply Frequency Capping to messages sent via the createMessage API" and "… a
 * message via the API that bypasses Global Frequency Capping rules".
 */
import { type AppRules, type Cap, capSchema, type MessageRules, PushError, wordOf } from '@roost/protocol'

interface Around {
  readonly place: string
  readonly appRules: AppRules
}

interface Capping {
  readonly days: unknown
  readonly count: unknown
  readonly avoid: boolean
  readonly exclude: boolean
}

/** undefined: the rules of the app alone. Throws `input_invalid`. */
export function readCapping(
  fields: Readonly<Record<string, unknown>>,
  { place, appRules }: Around,
): MessageRules | undefined {
  const { days, count, avoid, exclude } = readFields(fields, place)
  const refuse = (why: string): never => {
    throw new PushError('input_invalid', `${place}.capping_days: ${why}`)
  }
  const isSaid = (value: unknown) => value !== undefined && value !== null
  if (isSaid(days) !== isSaid(count)) refuse('capping_days and capping_count belong together')
  if (exclude) {
    if (!avoid || isSaid(days))
      refuse('what no cap counts can have none: capping_exclude needs capping_avoid, and no cap of its own')
    // Its quiet hours stay those of the app.
    const { quietHours } = appRules
    return { kind: 'transactional', ...(quietHours !== null && { quietHours }) }
  }
  if (!isSaid(days)) return avoid ? { cap: null } : undefined
  const own = capSchema.safeParse({ days: Number(days), messages: Number(count) }, { error: wordOf })
  if (!own.success) return refuse(`1 to 30 days and 1 to 100 messages; ${own.error.issues[0]?.message}`)
  const cap = avoid ? own.data : tighterOf(own.data, appRules.cap)
  if (cap === undefined)
    return refuse('neither it nor the cap of the app is the tighter one; give one that is, or capping_avoid')
  return { cap }
}

function readFields(fields: Readonly<Record<string, unknown>>, place: string): Capping {
  const { capping_days: days, capping_count: count, frequency_capping: whole } = fields
  const isOn = (value: unknown) => [true, 1, '1', 'true'].includes(value as never)
  if (whole === undefined || whole === null)
    return { days, count, avoid: isOn(fields.capping_avoid), exclude: isOn(fields.capping_exclude) }
  const fault = (why: string): never => {
    throw new PushError('input_invalid', `${place}.frequency_capping: ${why}`)
  }
  if (typeof whole !== 'object' || Array.isArray(whole)) return fault('it is an object with days and count')
  if (days !== undefined || count !== undefined) fault('capping_days and capping_count say the same')
  const { days: ofDays, count: most, avoid, exclude, ...strangers } = whole as Record<string, unknown>
  const [stranger] = Object.keys(strangers)
  if (stranger !== undefined) fault(`there is no such field as ${JSON.stringify(stranger.slice(0, 64))}`)
  return { days: ofDays, count: most, avoid: isOn(avoid), exclude: isOn(exclude) }
}

/** undefined: each lets something through that the other does not. */
function tighterOf(own: Cap, app: Cap | null): Cap | undefined {
  if (app === null || (own.messages <= app.messages && own.days >= app.days)) return own
  return app.messages <= own.messages && app.days >= own.days ? app : undefined
}
