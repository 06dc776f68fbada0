import { expect, test } from 'vitest'
import { chooseFile, formatOf, mappingOf } from './file.ts'

test.each([
  ['roost', 'hwid,platform,pushToken\n'],
  ['pushwoosh', '"Hwid";"User ID";"Push Token"\r\n'],
  ['onesignal', '\uFEFFid,identifier,device_type,tags\n'],
  ['parse', '{"installationId":"a","deviceType":"ios"}\n'],
  ['tokens', 'token\n'],
  ['browser', '{"endpoint":"https://push.example/x","keys":{}}\n'],
] as const)('a file of the form %s is known by its columns', (mapping, beginning) => {
  expect(mappingOf(beginning, formatOf(beginning))).toBe(mapping)
})

test('a file of other columns is of no form that is known, and broken JSON neither', () => {
  expect(mappingOf('first,last\n', 'csv')).toBeUndefined()
  expect(mappingOf('{"endpoint":', 'ndjson')).toBeUndefined()
})

test('a file that is packed with gzip is read unpacked', async () => {
  const csv = 'hwid,pushToken\na,b\n'
  const packed = await new Response(
    new Blob([csv]).stream().pipeThrough(new CompressionStream('gzip')),
  ).blob()
  const chosen = await chooseFile(new File([packed], 'base.csv.gz', { lastModified: 5 }))
  expect(await chosen.content.text()).toBe(csv)
  expect(chosen).toMatchObject({ name: 'base.csv.gz', format: 'csv', mapping: 'roost', changedAt: 5 })
})
