/** An installation with people in it, for tests: the owner, and others whom the owner has invited. */
import type { PersonRole } from '@roost/protocol'
import { type BareServer, SERVER_TOKEN } from './bare.ts'
import { PASSWORD, Visitor, type VisitorOptions } from './visitor.ts'

/** Signed in, by the server token. */
export async function makeOwner(server: BareServer, name = 'Olga'): Promise<Visitor> {
  const owner = new Visitor({ url: server.url })
  const made = await owner.call('POST', '/v1/setup', { name, password: PASSWORD }, bearer(SERVER_TOKEN))
  if (made.status !== 201) throw new Error(`set-up was answered ${made.status}`)
  return owner
}

/** Signed in. `app`: code; without it the role is in the installation. */
export async function join(
  owner: Visitor,
  { app, role, name, ...options }: VisitorOptions & { readonly app?: string; role: PersonRole; name: string },
): Promise<Visitor> {
  const place = app === undefined ? '/v1' : `/v1/apps/${app}`
  const { body } = await owner.call<{ code: string }>('POST', `${place}/member-invitations`, { role })
  const person = new Visitor(options)
  const joined = await person.call('POST', '/v1/join', { code: body.code, name, password: PASSWORD })
  if (joined.status !== 201) throw new Error(`joining was answered ${joined.status}`)
  return person
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}
