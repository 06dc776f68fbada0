import { expect, test } from 'vitest'
import { csvOf, isAlone, isEmpty } from './chart-data.ts'

test('a chart is saved with all of its values, and what is not known stays empty', () => {
  const series = [
    { name: 'Devices, all', paint: 'blue', values: [1200, null] },
    { name: 'Share', paint: 'green', values: [0.5, 0] },
  ] as const
  expect(csvOf({ times: ['2026-11-01', '2026-11-02'], series }, 'Day')).toBe(
    'Day,"Devices, all",Share\r\n2026-11-01,1200,0.5\r\n2026-11-02,,0\r\n',
  )
})

test('a value between unknown ones gets a point of its own, and one in a line none', () => {
  const values = [4, null, 0, null, 1, 2]
  expect(values.map((_, at) => isAlone(values, at))).toEqual([true, false, true, false, false, false])
})

test('nothing known is nothing to draw, and a zero is something', () => {
  expect(isEmpty([{ name: 'a', paint: 'blue', values: [null, null] }])).toBe(true)
  expect(isEmpty([{ name: 'a', paint: 'blue', values: [null, 0] }])).toBe(false)
})
