import { GUIDE_PLATFORMS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { snippetFor, TOKEN_PLACEHOLDER } from './snippets.ts'

test.each(GUIDE_PLATFORMS)(
  'the code for %s names this server, this app and where the token goes',
  platform => {
    const { code } = snippetFor(platform, { baseUrl: 'https://push.example.com/roost/', app: 'ABCDE-FGHJK' })
    expect(code).toContain('https://push.example.com/roost')
    expect(code).toContain('ABCDE-FGHJK')
    expect(code).toContain(TOKEN_PLACEHOLDER)
    expect(code).not.toContain('undefined')
  },
)

test('each platform registers as what it is', () => {
  const typeIn = (platform: 'ios' | 'android' | 'huawei') =>
    /"device_type"[:,] (\d+)/.exec(snippetFor(platform, { baseUrl: 'https://a/', app: 'A' }).code)?.[1]
  expect([typeIn('ios'), typeIn('android'), typeIn('huawei')]).toEqual(['1', '3', '17'])
})
