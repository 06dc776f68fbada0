/** `roost devices find`: the devices that a hwid, a user id, a token, or a part of one names. */
import type { FoundDevice, FoundDevices, LookUpBy } from '@roost/protocol'
import { lookUp } from '../../registry/search/look-up.ts'
import { StartError } from '../../store/folder.ts'
import { withApp } from '../beside/open.ts'
import { plain } from '../plain.ts'
import { ServerCaller } from '../server/caller.ts'

interface Options {
  readonly app: string
  readonly by: LookUpBy
  readonly limit: string
  readonly url?: string
  readonly token?: string
  readonly json?: boolean
}

const LIMIT_MAX = 200

export async function findDevices(text: string, options: Options): Promise<void> {
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw new StartError(`--limit is "${options.limit}"`, `Give a number from 1 to ${LIMIT_MAX}.`)
  const devices = await find(text.trim(), { ...options, limit })
  process.stdout.write(
    options.json ? `${JSON.stringify({ devices })}\n` : plain(devices).map(wordsOf).join('') || 'none\n',
  )
  if (devices.length === 0) process.exitCode = 1
}

async function find(
  text: string,
  { url, by, limit, ...options }: Omit<Options, 'limit'> & { readonly limit: number },
): Promise<FoundDevice[]> {
  if (url === undefined)
    return withApp(options.app, ({ db, appId }) => lookUp(db, { appId, text, by, limit }))
  const server = new ServerCaller({ ...options, url })
  const asked = new URLSearchParams({ text, by, limit: String(limit) })
  return (await server.json<FoundDevices>('GET', `/look-up?${asked}`)).devices
}

function wordsOf({ hwid, by, platform, userId, appVersion, lastSeenAt, address }: FoundDevice): string {
  const facts = [platform, appVersion, userId === null ? 'visitor' : `user ${userId}`, `seen ${lastSeenAt}`]
  return `${hwid}  (${by.replace('_', ' ')})\n  ${facts.filter(it => it !== null).join(' · ')}\n  ${addressOf(address)}\n`
}

function addressOf(address: FoundDevice['address']): string {
  if (address === null) return 'has never had a token'
  const { provider, environment, addressEnd, state, since, reason } = address
  const where = environment === null ? provider : `${provider} ${environment}`
  return `${where} …${addressEnd} ${state} since ${since}${reason === null ? '' : `: ${reason}`}`
}
