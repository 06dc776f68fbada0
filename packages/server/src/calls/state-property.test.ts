/** The states of a call under whatever is said, in any order and any number of times. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Callee,
  deviceState,
  overallState,
  type Ringing,
  type Said,
  type Step,
  stateAt,
  step,
} from './state.ts'

const RING_UNTIL = 1000
const USERS = ['bob', 'carol', 'dora']
const HWIDS = ['phone', 'tablet', 'browser']

const said: fc.Arbitrary<Said> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('accept', 'reject', 'busy'),
      userId: fc.constantFrom(...USERS, 'stranger'),
      hwid: fc.option(fc.constantFrom(...HWIDS)),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Said>({ kind: 'cancel' }) },
  { weight: 1, arbitrary: fc.constant<Said>({ kind: 'tick' }) },
)
/** Whoever says something does so at a time, and clocks of several servers may go back a little. */
const events = fc.array(fc.record({ said, at: fc.integer({ min: 0, max: RING_UNTIL * 1.2 }) }), {
  maxLength: 40,
})
const count = fc.integer({ min: 1, max: USERS.length })

function begun(users: number): Ringing {
  const callees = USERS.slice(0, users).map(userId => ({ userId, state: 'ringing' as const, by: null }))
  return { ringUntil: RING_UNTIL, callees }
}

interface Told extends Step {
  readonly event: { readonly said: Said; readonly at: number }
  readonly before: readonly Callee[]
}

function play(ringing: Ringing, given: readonly { readonly said: Said; readonly at: number }[]): Told[] {
  let { callees } = ringing
  return given.map(event => {
    const before = callees
    const next = step({ ...ringing, callees }, event.said, event.at)
    ;({ callees } = next)
    return { ...next, event, before }
  })
}

const lastOf = (ringing: Ringing, told: readonly Told[]) => told.at(-1)?.callees ?? ringing.callees

test('a callee leaves ringing once, is told of once, and stays where it came to', () => {
  fc.assert(
    fc.property(count, events, (users, given) => {
      const ringing = begun(users)
      const told = play(ringing, [...given, { said: { kind: 'tick' }, at: RING_UNTIL }])
      const changes = told.flatMap(it => it.changes)
      expect(changes.map(it => it.userId).sort()).toEqual(ringing.callees.map(it => it.userId).sort())
      for (const { userId, to, by } of changes) {
        const after = told.slice(told.findIndex(it => it.changes.some(change => change.userId === userId)))
        for (const { callees } of after)
          expect(callees.find(it => it.userId === userId)).toEqual({ userId, state: to, by })
      }
    }),
  )
})

test('of all that is said of a callee, exactly one answer counts, and only its repetition is taken again', () => {
  fc.assert(
    fc.property(count, events, (users, given) => {
      const told = play(begun(users), given)
      const won = new Map<string, string | null>()
      for (const { event, said: verdict, changes } of told) {
        if (event.said.kind !== 'accept') continue
        const { userId, hwid } = event.said
        if (verdict === 'taken') {
          expect(won.has(userId)).toBe(false)
          expect(changes).toEqual([{ userId, to: 'accepted', by: hwid, aftermath: 'answered' }])
          won.set(userId, hwid)
        } else expect(verdict === 'repeated').toBe(won.has(userId) && won.get(userId) === hwid)
      }
    }),
  )
})

test('whatever is said twice in a row comes to the same as once', () => {
  fc.assert(
    fc.property(count, events, fc.integer({ min: 1, max: 3 }), (users, given, times) => {
      const ringing = begun(users)
      const once = play(ringing, given)
      const often = play(
        ringing,
        given.flatMap(it => Array.from({ length: times }, () => it)),
      )
      expect(lastOf(ringing, often)).toEqual(lastOf(ringing, once))
      expect(often.flatMap(it => it.changes)).toEqual(once.flatMap(it => it.changes))
    }),
  )
})

test('in whatever order the same is said, somebody comes to what was said of them or to the end of the time', () => {
  fc.assert(
    fc.property(
      count,
      events,
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      (users, given, draws) => {
        const shuffled = given
          .map(it => ({ it, place: draws.next().value as number }))
          .sort((a, b) => a.place - b.place)
        const ringing = begun(users)
        const callees = lastOf(
          ringing,
          play(
            ringing,
            shuffled.map(({ it }) => it),
          ),
        )
        for (const { userId, state, by } of callees) {
          const possible = given.flatMap(({ said: it, at }): string[] => {
            if (at >= RING_UNTIL) return ['timed_out null']
            if (it.kind === 'cancel') return ['cancelled null']
            if (it.kind === 'tick' || it.userId !== userId) return []
            return [`${{ accept: 'accepted', reject: 'rejected', busy: 'busy' }[it.kind]} ${it.hwid}`]
          })
          expect(possible.length === 0 ? ['ringing null'] : possible).toContain(`${state} ${by}`)
        }
      },
    ),
  )
})

test('from the end of the ring time on nobody rings, whether or not it was written down, and nothing said then counts', () => {
  fc.assert(
    fc.property(
      count,
      events,
      said,
      fc.integer({ min: RING_UNTIL, max: 3 * RING_UNTIL }),
      (users, given, late, at) => {
        const ringing = begun(users)
        const callees = lastOf(ringing, play(ringing, given))
        for (const callee of callees) expect(stateAt(callee.state, RING_UNTIL, at)).not.toBe('ringing')
        const over = step({ ...ringing, callees }, late, at)
        expect(over.said).not.toBe('taken')
        expect(over.changes.every(it => it.to === 'timed_out' && it.aftermath === 'missed')).toBe(true)
        expect(over.callees.map(it => it.state)).toEqual(callees.map(it => stateAt(it.state, RING_UNTIL, at)))
      },
    ),
  )
})

test('of the devices of a callee one at most reads that it has accepted, and none of them rings when another has', () => {
  fc.assert(
    fc.property(count, events, (users, given) => {
      for (const { state, by } of lastOf(begun(users), play(begun(users), given))) {
        const read = HWIDS.map(hwid => deviceState(state, hwid === by))
        expect(read.filter(it => it === 'accepted').length).toBe(state === 'accepted' && by !== null ? 1 : 0)
        if (state === 'accepted') expect(read).not.toContain('ringing')
      }
    }),
  )
})

test('a call rings as long as anybody does, and else is what somebody came to', () => {
  fc.assert(
    fc.property(count, events, (users, given) => {
      const states = lastOf(begun(users), play(begun(users), given)).map(it => it.state)
      expect(states).toContain(overallState(states))
      expect(overallState(states) === 'ringing').toBe(states.includes('ringing'))
      expect(!states.includes('ringing') && states.includes('accepted')).toBe(
        overallState(states) === 'accepted',
      )
    }),
  )
})
