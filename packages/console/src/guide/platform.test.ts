import type { Guide, GuideStepName } from '@roost/protocol'
import { expect, test } from 'vitest'
import { isBegun, platformToShow } from './platform.ts'

type State = 'done' | 'open' | 'trouble'

const platform = (name: Guide['platforms'][number]['platform'], ...states: State[]) => ({
  platform: name,
  gateway: 'fcm' as const,
  steps: states.map((state, at) => ({
    step: (at === 0 ? 'credential' : 'device') as GuideStepName,
    state,
    since: null,
    code: null,
    detail: null,
    remedy: null,
  })),
})

test('the guide opens on what was begun, then on what is missing, then on the first', () => {
  expect(
    platformToShow([
      platform('ios', 'open', 'open'),
      platform('android', 'done', 'trouble'),
      platform('web', 'done'),
    ]),
  ).toBe('android')
  expect(platformToShow([platform('ios', 'done'), platform('web', 'open')])).toBe('web')
  expect(platformToShow([platform('ios', 'done'), platform('web', 'done')])).toBe('ios')
})

test('the key that comes with the app begins nothing, and a fresh app opens on the web', () => {
  const fresh = [platform('ios', 'open', 'open'), platform('web', 'done', 'open')]
  expect(fresh.map(isBegun)).toEqual([false, false])
  expect(platformToShow(fresh)).toBe('web')
  expect(platformToShow([platform('ios', 'done', 'open'), platform('web', 'done', 'open')])).toBe('ios')
  expect(platformToShow([platform('ios', 'open', 'open'), platform('web', 'done', 'trouble')])).toBe('web')
})
