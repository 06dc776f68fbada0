/** The order in which new devices are stored (lock-order.ts), where a database sorts text by the words of a language. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { SERVER_TOKEN, startBare } from '../../../test/bare.ts'
import { emptyDatabase } from '../../../test/database.ts'
import { Database } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'

/** In one bucket; English has the first one first, and its bytes the second one. */
function twoOfOneBucket(): readonly [string, string] {
  const lower = 'a-device'
  for (let n = 0; ; n++) if (bucketOf(`B-${n}`) === bucketOf(lower)) return [lower, `B-${n}`]
}

test('addresses of new devices are stored by the bytes of their names, as everybody else locks them', async () => {
  const database = await emptyDatabase()
  const admin = new Database({ url: database.url })
  const url = new URL(database.url)
  const name = `${url.pathname.slice(1)}_en`
  await admin.query(`create database ${name} template template0 locale_provider icu icu_locale 'en-US'`)
  url.pathname = `/${name}`
  const server = await startBare({ databaseUrl: url.href })
  try {
    const { app } = await server.createApp()
    const [first, second] = twoOfOneBucket()
    const begun = await server.rest<{ id: string }>('POST', `/v1/apps/${app}/imports`, {
      mapping: 'roost',
      format: 'ndjson',
      platform: 'ios',
    })
    const rows = [first, second].map(hwid => ({
      hwid,
      platform: 'ios',
      pushToken: randomBytes(32).toString('hex'),
    }))
    const part = `/v1/apps/${app}/imports/${begun.body.id}/parts?offset=0&final=true`
    await fetch(`${server.url}${part}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${SERVER_TOKEN}`, 'content-type': 'application/x-ndjson' },
      body: rows.map(row => `${JSON.stringify(row)}\n`).join(''),
    })
    const stored = async (order: string) =>
      (await server.db.query<{ hwid: string }>(`select hwid from address order by ${order}`)).rows.map(
        it => it.hwid,
      )
    expect(await stored('hwid'), 'in the order of the language').toEqual([first, second])
    expect(await stored('ctid')).toEqual([second, first])
  } finally {
    await server.close()
    await admin.query(`drop database ${name} with (force)`)
    await admin.close()
    await database.drop()
  }
})
