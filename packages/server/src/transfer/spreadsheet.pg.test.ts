/** What strangers call themselves ends up in exports, and exports in spreadsheets. Over the HTTP API. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../test/bare.ts'

const HWID = '=HYPERLINK("https://evil.example","reset")'
const HARMLESS = `"'=HYPERLINK(""https://evil.example"",""reset"")"`
const AS_IT_IS = '"=HYPERLINK(""https://evil.example"",""reset"")"'

let server: BareServer
let access: Access
beforeAll(async () => {
  server = await startBare()
  access = await server.createApp()
  const push_token = `-${'x'.repeat(151)}`
  await server.device(access, 'registerDevice', { hwid: HWID, device_type: 3, push_token })
  await server.device(access, 'unregisterDevice', { hwid: HWID })
})
afterAll(() => server.close())

async function download(what: string, format: string) {
  const response = await fetch(`${server.url}/v1/apps/${access.app}/${what}?format=${format}`, {
    headers: { authorization: `Bearer ${SERVER_TOKEN}` },
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  return { text: bytes.toString(), name: response.headers.get('content-disposition') }
}

test.each(['device-export', 'removal-export'])('%s for spreadsheets has no formula', async what => {
  const { text, name } = await download(what, 'spreadsheet')
  expect(text.startsWith('\ufeff')).toBe(true)
  expect(text).toContain(HARMLESS)
  expect(text).not.toContain(AS_IT_IS)
  expect(name).toMatch(/\.csv"$/)
})

test.each(['device-export', 'removal-export'])(
  '%s as CSV has values as they are, to be read back',
  async what => {
    const { text } = await download(what, 'csv')
    expect(text).toMatch(/^\w+,/)
    expect(text).toContain(AS_IT_IS)
  },
)
