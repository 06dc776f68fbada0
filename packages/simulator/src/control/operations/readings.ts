/** What the stand-ins saw. */
import { count, flag, optional, signedDuration, text } from '../fields.ts'
import { type Operation, operation } from '../operation.ts'

const DEFAULT_PUSHES = 100

export const READINGS: readonly Operation[] = [
  operation('counts', 'GET /counts', {
    summary: 'Connections, requests, acceptances and refusals by reason, for each gateway.',
    run: ({ simulator }) => simulator.counts(),
  }),
  operation('pushes', 'GET /pushes', {
    summary:
      'Accepted pushes of the last ten thousand, oldest first: the newest `limit` (100) of those that match.',
    fields: { token: optional(text()), hash: optional(text()), limit: optional(count()) },
    run: ({ simulator }, { limit = DEFAULT_PUSHES, ...filter }) => {
      const pushes = simulator.pushes(filter)
      return { total: pushes.length, pushes: limit === 0 ? [] : pushes.slice(-limit) }
    },
  }),
  operation('held', 'GET /held', {
    summary: 'What a gateway holds for a phone that is offline, oldest first.',
    fields: { token: text() },
    run: ({ simulator }, { token }) => ({ pushes: simulator.held(token) }),
  }),
  operation('message', 'GET /messages/{hash}', {
    summary: 'One message by its hash (field `p`): requests and acceptances, and on demand by token.',
    fields: { hash: text(), byToken: optional(flag()) },
    run: ({ simulator }, { hash, byToken = false }) => {
      const { acceptances, tokens } = simulator.acceptedFor(hash)
      const attempts = simulator.attemptsFor(hash)
      const total = [...attempts.values()].reduce((sum, n) => sum + n, 0)
      return {
        attempts: total,
        attemptedTokens: attempts.size,
        acceptances,
        acceptedTokens: tokens.size,
        ...(byToken && { byToken: Object.fromEntries(attempts), accepted: [...tokens] }),
      }
    },
  }),
  operation('clock', 'POST /clock', {
    summary: "Sets the stand-ins' clocks ahead of the true time, or behind it.",
    fields: { offset: signedDuration() },
    run: ({ simulator }, { offset }) => {
      simulator.setClockOffset(offset)
      return { now: new Date(simulator.now()).toISOString() }
    },
  }),
]
