/** Set-up, sign-in, sessions and the second factor, through the real server. */
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BareServer, SECRET, SERVER_TOKEN, startBare } from '../../../../test/bare.ts'
import { bearer, join, makeOwner } from '../../../../test/people.ts'
import { PASSWORD, Visitor } from '../../../../test/visitor.ts'
import { dropOldSessions } from '../../../access/sessions.ts'
import { readSetupCode } from '../../../access/setup-code.ts'
import { Seal } from '../../../credentials/seal.ts'
import { qrSvg } from '../../../test-devices/qr.ts'

const DAY_MS = 86_400_000

describe('set-up', () => {
  let server: BareServer
  beforeAll(async () => {
    server = await startBare()
  })
  afterAll(() => server.close())
  const visitor = () => new Visitor({ url: server.url })
  const codeOf = (of: BareServer) => readSetupCode(of.db, new Seal(SECRET)) as Promise<string>
  const asked = { name: 'Olga', password: PASSWORD }
  const secrets = [PASSWORD]

  test('a stranger who finds the port first becomes nobody', async () => {
    for (const setupCode of [undefined, '', 'AAAAA-AAAAA-AAAAA-AAAAA']) {
      const answer = await visitor().call('POST', '/v1/setup', { ...asked, setupCode })
      expect(answer).toMatchObject({ status: 403, body: { code: 'setup_code_refused' } })
      expect(answer.headers.getSetCookie()).toEqual([])
    }
    const wrongToken = await visitor().call('POST', '/v1/setup', asked, bearer('nonsense'))
    expect(wrongToken).toMatchObject({ status: 401, body: { code: 'token_unknown' } })
    expect((await visitor().call('GET', '/v1/setup')).body).toEqual({ isDone: false })
  })

  test('another server of the same database shows the same code, another database another one', async () => {
    const elsewhere = await startBare()
    expect(await codeOf(elsewhere)).not.toBe(await codeOf(server))
    await elsewhere.close()
  })

  test('a password that is guessed first is refused, and says why', async () => {
    const setupCode = await codeOf(server)
    for (const password of [
      'Password1234',
      'qwertyuiop123',
      'olga-olga-olga',
      'correct horse battery staple',
    ]) {
      const answer = await visitor().call('POST', '/v1/setup', { ...asked, password, setupCode })
      expect(answer, password).toMatchObject({ status: 400, body: { code: 'password_weak' } })
    }
    const short = await visitor().call('POST', '/v1/setup', { ...asked, password: 'eleven char', setupCode })
    expect(short.body).toMatchObject({
      code: 'input_invalid',
      detail: expect.stringContaining('at least 12'),
    })
  })

  test('with the code the first of two who come at once becomes the owner, and the code is void', async () => {
    const setupCode = (await codeOf(server)).toLowerCase().replaceAll('-', ' ')
    secrets.push(await codeOf(server), setupCode)
    const both = [visitor(), visitor()]
    const answers = await Promise.all(both.map(it => it.call('POST', '/v1/setup', { ...asked, setupCode })))
    expect(answers.map(it => it.status).sort()).toEqual([201, 409])
    const owner = both[answers.findIndex(it => it.status === 201)] as Visitor
    secrets.push(owner.cookie?.split('=')[1] ?? 'none')
    expect((await owner.call('GET', '/v1/me')).body).toMatchObject({
      person: { name: 'Olga', hasSecondFactor: false },
      token: null,
      grants: [{ app: null, role: 'owner', rights: ['read', 'send', 'devices', 'manage', 'access'] }],
    })
    expect(await codeOf(server)).toBeUndefined()
    const late = await visitor().call('POST', '/v1/setup', { ...asked, name: 'Late', setupCode })
    expect(late).toMatchObject({ status: 409, body: { code: 'setup_done' } })
    const byToken = await visitor().call(
      'POST',
      '/v1/setup',
      { ...asked, name: 'Late' },
      bearer(SERVER_TOKEN),
    )
    expect(byToken).toMatchObject({ status: 409, body: { code: 'setup_done' } })
    expect((await visitor().call('GET', '/v1/setup')).body).toEqual({ isDone: true })
  })

  test('neither password nor cookie nor code gets into the log or the table', async () => {
    const { rows } = await server.db.query<{ all: string }>(
      `select (select jsonb_agg(p) from person p)::text || (select jsonb_agg(s) from person_session s)::text ||
              (select jsonb_agg(a) from audit_entry a)::text as all`,
    )
    expect(rows[0]?.all).toContain('argon2id')
    expect(secrets).toHaveLength(4)
    for (const secret of secrets)
      for (const text of [server.logged(), rows[0]?.all ?? '']) expect(text).not.toContain(secret)
  })
})

describe('a session', () => {
  let server: BareServer
  let owner: Visitor
  beforeAll(async () => {
    server = await startBare({ environment: { ROOST_TRUSTED_PROXIES: '127.0.0.1' } })
    owner = await makeOwner(server)
  })
  afterAll(() => server.close())
  const visitor = (ip?: string) => new Visitor({ url: server.url, ...(ip !== undefined && { ip }) })
  const statusOf = async (of: Visitor) => (await of.call('GET', '/v1/me')).status

  test('is a cookie that scripts do not see, other sites do not send, and only /v1 gets', async () => {
    const someone = visitor()
    expect((await someone.signIn('OLGA')).status).toBe(201)
    const attributes = (someone.setCookie ?? '').split('; ').slice(1)
    expect(attributes).toEqual(['Path=/v1', 'HttpOnly', 'SameSite=Strict', `Max-Age=${30 * 86_400}`])
    await someone.call(
      'POST',
      '/v1/session',
      { name: 'Olga', password: PASSWORD },
      {
        'x-forwarded-proto': 'https',
        'sec-fetch-site': 'same-origin',
      },
    )
    expect(someone.setCookie).toContain('; Secure')
  })

  test('is nothing to the device protocol', async () => {
    const answer = await owner.call('POST', '/json/1.3/createMessage', {
      request: { auth: '', application: 'x', notifications: [{}] },
    })
    expect(JSON.stringify(answer.body)).not.toContain('"status_code":200')
    const { body } = await owner.call<{ status_code: number }>('POST', '/json/1.3/applicationOpen', {
      request: { application: (await server.createApp()).app, hwid: 'x' },
    })
    expect(body.status_code).toBe(403)
  })

  test('changes nothing for a page of another origin, be it of the same site', async () => {
    const refused = { status: 403, body: { code: 'origin_refused' } }
    const create = (headers: Record<string, string>) => owner.call('POST', '/v1/apps', { name: 'x' }, headers)
    expect(await create({ origin: 'https://evil.example' })).toMatchObject(refused)
    expect(await create({ origin: 'http://127.0.0.1:1' })).toMatchObject(refused)
    expect(await create({ origin: 'null' })).toMatchObject(refused)
    for (const site of ['same-site', 'cross-site', 'none'])
      expect(await create({ 'sec-fetch-site': site }), site).toMatchObject(refused)
    expect((await create({ 'sec-fetch-site': 'same-origin' })).status).toBe(201)
    expect((await create({})).status).toBe(201)
  })

  test('shows nothing to a page of another origin, though that names it in a call that only reads', async () => {
    const { app } = await server.createApp()
    const path = `/v1/apps/${app}/devices/x/inbox`
    const read = (headers: Record<string, string>) => owner.call('GET', path, undefined, headers)
    expect((await read({ origin: 'http://127.0.0.1:1' })).status).toBe(403)
    expect((await read({ 'sec-fetch-site': 'same-site' })).status).toBe(403)
    expect((await read({ 'sec-fetch-site': 'none' })).status).toBe(200)
  })

  test('that changes something from nowhere is refused: browsers say where they call from', async () => {
    const response = await fetch(`${server.url}/v1/apps`, {
      method: 'POST',
      headers: { cookie: owner.cookie ?? '', 'content-type': 'application/json' },
      body: '{"name":"x"}',
    })
    expect(response.status).toBe(403)
  })

  test('ends with sign-out, and a second sign-out is fine', async () => {
    const someone = visitor()
    await someone.signIn('Olga')
    const stolen = Object.assign(visitor(), { cookie: someone.cookie })
    expect((await someone.call('DELETE', '/v1/session')).status).toBe(204)
    expect(someone.cookie).toBeUndefined()
    expect(await stolen.call('GET', '/v1/me')).toMatchObject({ status: 401, body: { code: 'session_over' } })
    expect((await someone.call('DELETE', '/v1/session')).status).toBe(204)
  })

  test('ends when nobody used it for seven days, and after thirty in any case', async () => {
    const [idle, used] = [visitor(), visitor()]
    await idle.signIn('Olga')
    await used.signIn('Olga')
    for (let day = 6; day <= 24; day += 6) {
      server.clock.advance(6 * DAY_MS)
      expect(await statusOf(used), `day ${day}`).toBe(200)
    }
    expect(await statusOf(idle)).toBe(401)
    server.clock.advance(6 * DAY_MS)
    expect(await statusOf(used)).toBe(401)
    await owner.signIn('Olga')
  })

  test('is dropped from the table when it is over, and not before', async () => {
    const someone = visitor()
    await someone.signIn('Olga')
    const in8Days = server.clock.now() + 8 * DAY_MS
    await dropOldSessions(server.db, server.clock.now()) // of the tests before
    expect(await statusOf(someone)).toBe(200)
    expect(await dropOldSessions(server.db, in8Days)).toBeGreaterThan(0)
    expect(await statusOf(someone)).toBe(401)
    await owner.signIn('Olga')
  })

  test('ends everywhere when the password is changed, but for the one that changed it', async () => {
    const [here, there] = [visitor(), visitor()]
    await here.signIn('Olga')
    await there.signIn('Olga')
    const change = (currentPassword: string, newPassword: string) =>
      here.call('PUT', '/v1/me/password', { currentPassword, newPassword })
    expect(await change('a wrong one', 'eight loud geese over sand')).toMatchObject({ status: 401 })
    const before = here.cookie
    expect((await change(PASSWORD, 'eight loud geese over sand')).status).toBe(200)
    expect(here.cookie).not.toBe(before)
    expect([await statusOf(here), await statusOf(there), await statusOf(owner)]).toEqual([200, 401, 401])
    expect((await visitor().signIn('Olga')).body.code).toBe('sign_in_refused')
    expect((await change('eight loud geese over sand', PASSWORD)).status).toBe(200)
    await owner.signIn('Olga')
  })

  test('is listed with its place, and can be ended from another one', async () => {
    const there = visitor()
    await there.signIn('Olga')
    const { body } = await owner.call<{ sessions: { id: string; isThis: boolean }[] }>(
      'GET',
      '/v1/me/sessions',
    )
    expect(body.sessions.filter(it => it.isThis)).toHaveLength(1)
    expect(body.sessions[0]).toMatchObject({ client: expect.any(String), agent: 'node' })
    const other = body.sessions.find(it => !it.isThis)
    expect((await owner.call('DELETE', `/v1/me/sessions/${other?.id}`)).status).toBe(204)
    expect((await owner.call('DELETE', `/v1/me/sessions/${other?.id}`)).body).toMatchObject({
      code: 'session_unknown',
    })
    expect((await owner.call('DELETE', '/v1/me/sessions')).status).toBe(204)
    expect([await statusOf(owner), await statusOf(there)]).toEqual([200, 401])
  })

  test('is not of somebody else: their sessions can not be ended', async () => {
    const vera = await join(owner, { url: server.url, role: 'viewer', name: 'Vera sessions' })
    const { body } = await owner.call<{ sessions: { id: string }[] }>('GET', '/v1/me/sessions')
    const answer = await vera.call('DELETE', `/v1/me/sessions/${body.sessions[0]?.id}`)
    expect(answer).toMatchObject({ status: 404, body: { code: 'session_unknown' } })
  })

  test('is over at once for whoever is removed', async () => {
    const left = await join(owner, { url: server.url, role: 'editor', name: 'Leo' })
    const { body } = await left.call<{ person: { id: number } }>('GET', '/v1/me')
    expect((await owner.call('DELETE', `/v1/members/${body.person.id}`)).status).toBe(204)
    expect(await statusOf(left)).toBe(401)
    expect((await visitor().signIn('Leo')).body.code).toBe('sign_in_refused')
  })
})

describe('signing in', () => {
  let server: BareServer
  beforeAll(async () => {
    server = await startBare({ environment: { ROOST_TRUSTED_PROXIES: '127.0.0.1' } })
    await makeOwner(server)
  })
  afterAll(() => server.close())
  const from = (ip: string) => new Visitor({ url: server.url, ip })
  const guess = (ip: string, name = 'Olga') => from(ip).signIn(name, { password: 'a guess that is wrong' })

  test('with a name that is none is refused in the same words as a wrong password', async () => {
    const [none, wrong] = [await guess('198.51.100.1', 'Nobody'), await guess('198.51.100.1')]
    const { requestId: _, ...body } = none.body as Record<string, unknown>
    expect(wrong).toMatchObject({ status: 401, body })
  })

  test('is refused to a client that guesses, whatever it says then, and to nobody else', async () => {
    const statuses: number[] = []
    for (let n = 0; n < 12; n++) statuses.push((await guess('198.51.100.2', `Name ${n}`)).status)
    expect(statuses.filter(it => it === 401)).toHaveLength(10)
    const refused = await from('198.51.100.2').signIn('Olga')
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await from('198.51.100.3').signIn('Olga')).status).toBe(201)
  })

  test('is open to the owner, at home and elsewhere, while many clients guess at the name', async () => {
    expect((await from('203.0.113.1').signIn('Olga')).status).toBe(201)
    const statuses: number[] = []
    for (let client = 1; client <= 15; client++)
      for (let n = 0; n < 5; n++) statuses.push((await guess(`192.0.2.${client}`)).status)
    expect(statuses.filter(it => it === 401)).toHaveLength(15 * 3 + 20)
    expect((await guess('192.0.2.1')).status).toBe(429)
    for (let n = 0; n < 4; n++) await guess('203.0.113.1')
    expect((await from('203.0.113.1').signIn('Olga')).status).toBe(201)
    expect((await from('203.0.113.99').signIn('Olga')).status).toBe(201)
  })

  test('by a page of another site is refused: nobody is made to work as somebody else', async () => {
    const answer = await from('203.0.113.2').call(
      'POST',
      '/v1/session',
      { name: 'Olga', password: PASSWORD },
      { origin: 'https://evil.example' },
    )
    expect(answer).toMatchObject({ status: 403, body: { code: 'origin_refused' } })
  })
})

describe('the second factor', () => {
  let server: BareServer
  let owner: Visitor
  let secret: string
  let firstCode: string
  let recoveryCodes: string[]
  beforeAll(async () => {
    server = await startBare()
    owner = await makeOwner(server)
  })
  afterAll(() => server.close())
  const codeNow = () =>
    new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: server.clock.now() })
  const signIn = (oneTimeCode?: string) =>
    new Visitor({ url: server.url }).signIn('Olga', oneTimeCode === undefined ? {} : { oneTimeCode })

  test('is asked for once its first code was right, not before', async () => {
    const begun = await owner.call<{ secret: string; uri: string; qr: string }>(
      'POST',
      '/v1/me/second-factor',
      {
        password: PASSWORD,
      },
    )
    expect(begun.status).toBe(201)
    secret = begun.body.secret
    expect(begun.body.uri).toMatch(/^otpauth:\/\/totp\/Roost:Olga\?issuer=Roost&secret=/)
    expect(begun.body.qr).toBe(await qrSvg(begun.body.uri))
    expect((await signIn()).status).toBe(201)
    const wrong = await owner.call('PUT', '/v1/me/second-factor', { oneTimeCode: '000000' })
    expect(wrong).toMatchObject({ status: 401, body: { code: 'sign_in_refused' } })
    firstCode = codeNow()
    const { body } = await owner.call<{ recoveryCodes: string[] }>('PUT', '/v1/me/second-factor', {
      oneTimeCode: firstCode,
    })
    recoveryCodes = body.recoveryCodes
    expect(new Set(recoveryCodes).size).toBe(10)
    expect(await signIn()).toMatchObject({ status: 401, body: { code: 'one_time_code_missing' } })
    expect((await owner.call('POST', '/v1/me/second-factor', { password: PASSWORD })).body).toMatchObject({
      code: 'second_factor_state',
    })
  })

  test('is not told of to whoever has not the password', async () => {
    const answer = await new Visitor({ url: server.url }).signIn('Olga', { password: 'a wrong password' })
    expect(answer.body.code).toBe('sign_in_refused')
  })

  test('takes each code once, and none that is old', async () => {
    expect((await signIn(firstCode)).body.code).toBe('sign_in_refused') // it has confirmed
    server.clock.advance(60_000)
    const code = codeNow()
    const both = await Promise.all([signIn(code), signIn(code)])
    expect(both.map(it => it.status).sort()).toEqual([201, 401])
    const old = codeNow()
    server.clock.advance(90_000)
    expect((await signIn(old)).body.code).toBe('sign_in_refused')
  })

  test('can be made up for by a recovery code, once', async () => {
    const [code = ''] = recoveryCodes
    expect((await signIn(code.toLowerCase().replaceAll('-', ' '))).status).toBe(201)
    expect((await signIn(code)).body.code).toBe('sign_in_refused')
    expect((await owner.call('GET', '/v1/me')).body).toMatchObject({
      person: { hasSecondFactor: true, recoveryCodes: 9 },
    })
  })

  test('is turned off with password and code alone', async () => {
    const off = (body: object) => owner.call('POST', '/v1/me/second-factor/off', body)
    expect((await off({ password: PASSWORD, oneTimeCode: '000000' })).status).toBe(401)
    expect((await off({ password: 'a wrong one', oneTimeCode: recoveryCodes[1] })).status).toBe(401)
    expect((await off({ password: PASSWORD, oneTimeCode: recoveryCodes[1] })).status).toBe(204)
    expect((await signIn()).status).toBe(201)
  })
})

describe('two installations on one host', () => {
  let one: BareServer
  let other: BareServer
  beforeAll(async () => {
    one = await startBare()
    other = await startBare()
  })
  afterAll(async () => {
    await one.close()
    await other.close()
  })

  test('each have a cookie of their own name, so that signing in to one signs nobody out of the other', async () => {
    const here = await makeOwner(one)
    const there = await makeOwner(other)
    const names = [here, there].map(it => it.cookie?.split('=')[0])
    expect(new Set(names).size).toBe(2)
    // A browser keeps cookies by host, not by port, and sends both.
    const both = { cookie: `${there.cookie}; ${here.cookie}` }
    const me = async (url: string) => (await fetch(`${url}/v1/me`, { headers: both })).status
    expect([await me(one.url), await me(other.url)]).toEqual([200, 200])
    const left = await fetch(`${one.url}/v1/session`, {
      method: 'DELETE',
      headers: { ...both, origin: one.url },
    })
    expect(left.headers.getSetCookie().map(it => it.split('=')[0])).toEqual([names[0]])
    expect([await me(one.url), await me(other.url)]).toEqual([401, 200])
  })

  test('go on with the sessions of before, whose cookies had one name', async () => {
    const person = new Visitor({ url: one.url })
    await person.signIn('Olga')
    const token = person.cookie?.split('=')[1] ?? ''
    const former = { cookie: `roost_session=${token}` }
    const me = async (url: string) => (await fetch(`${url}/v1/me`, { headers: former })).status
    expect([await me(one.url), await me(other.url)]).toEqual([200, 401])
    const leave = (url: string) =>
      fetch(`${url}/v1/session`, { method: 'DELETE', headers: { ...former, origin: url } })
    expect((await leave(other.url)).headers.getSetCookie()).toEqual([]) // it is not its own
    expect(await me(one.url)).toBe(200)
    expect((await leave(one.url)).headers.getSetCookie()[0]).toMatch(/^roost_session=;/)
    expect(await me(one.url)).toBe(401)
  })

  test('have the same name on all servers of one database', async () => {
    const person = new Visitor({ url: one.url })
    await person.signIn('Olga')
    const second = await one.another({ roles: ['api'] })
    const answer = await fetch(`${second.url}/v1/me`, { headers: { cookie: person.cookie ?? '' } })
    expect(answer.status).toBe(200)
    await second.close()
  })
})

describe('another name', () => {
  let server: BareServer
  beforeAll(async () => {
    server = await startBare()
  })
  afterAll(() => server.close())

  test('is what a person signs in with from then on; sessions go on, and the log has both', async () => {
    const owner = await makeOwner(server)
    expect((await owner.call('PATCH', '/v1/me', { name: 'Olga B.' })).body).toMatchObject({
      person: { name: 'Olga B.' },
    })
    expect((await owner.call('GET', '/v1/me')).status).toBe(200)
    const again = new Visitor({ url: server.url })
    expect((await again.signIn('Olga')).status).toBe(401)
    expect((await again.signIn('olga b.')).status).toBe(201)
    const { entries } = (
      await owner.call<{ entries: object[] }>('GET', '/v1/audit?what=PATCH%20/v1/me&limit=1')
    ).body
    expect(entries[0]).toMatchObject({ subject: 'Olga', before: 'Olga', after: 'Olga B.' })
  })

  test('is given by owners, and is nobody else’s', async () => {
    const owner = new Visitor({ url: server.url })
    await owner.signIn('Olga B.')
    const vera = await join(owner, { url: server.url, role: 'viewer', name: 'Vera' })
    const { person } = (await vera.call<{ person: { id: number } }>('GET', '/v1/me')).body
    const rename = (who: Visitor, name: string) => who.call('PATCH', `/v1/members/${person.id}`, { name })
    expect((await rename(vera, 'Queen')).status).toBe(403)
    expect((await rename(owner, 'OLGA B.')).body).toMatchObject({ code: 'person_name_taken' })
    expect((await rename(owner, ' ')).status).toBe(400)
    expect((await rename(owner, 'vera')).body).toMatchObject({ name: 'vera' }) // other capitals of one's own
    expect((await vera.call('PATCH', '/v1/me', { name: 'olga b.' })).body).toMatchObject({
      code: 'person_name_taken',
    })
    expect((await owner.call('PATCH', '/v1/members/999999', { name: 'x' })).body).toMatchObject({
      code: 'member_unknown',
    })
  })
})
