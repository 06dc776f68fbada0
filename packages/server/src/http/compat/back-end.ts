/**
 * What back ends call of the compatible protocol. A server token may be confined to an app, and these calls name their app anywhere, by a
 * message's code, or not at all: so they look apps up among those of the token alone, and ask before they go by what belongs to one.
 * Of another app they hear what they would of one that does not exist.
 */
import { PushError, type Right } from '@roost/protocol'
import type { FastifyRequest } from 'fastify'
import { type App, type AppDirectory, unknownApp } from '../../access/apps.ts'
import { type Caller, mayAll } from '../../access/rights.ts'
import type { HttpContext } from '../context.ts'
import { findServerToken, type GivenToken, judgeServerToken } from '../server-token.ts'

/** Each call sends, reads or changes something of its app, and there is no telling which in advance. */
const BACK_END: readonly Right[] = ['read', 'send', 'devices', 'manage']

export interface BackEndContext extends Omit<HttpContext, 'apps'> {
  readonly apps: AppsOfToken
}

export class AppsOfToken {
  readonly #all: AppDirectory
  readonly #caller: Caller

  constructor(all: AppDirectory, caller: Caller) {
    this.#all = all
    this.#caller = caller
  }

  /** Throws `app_unknown`. */
  async find(code: string): Promise<App> {
    const app = await this.#all.find(code)
    return this.has(app.id) ? app : unknownApp(code)
  }

  has(appId: number): boolean {
    return mayAll(this.#caller, appId, BACK_END)
  }

  /** Null: every app. */
  get only(): number | null {
    return mayAll(this.#caller, null, BACK_END) ? null : (this.#caller.grants[0]?.appId ?? 0)
  }
}

/** Throws `token_missing`, `token_unknown`, `not_allowed`, `rate_limited`. */
export async function openBackEnd(
  context: HttpContext,
  request: FastifyRequest,
  given: GivenToken,
): Promise<BackEndContext> {
  return contextOf(context, await findServerToken(context, request, given))
}

/** Behind `holdStrangersBack`. Throws `token_unknown`, `not_allowed`. */
export async function openBackEndOfBody(
  context: HttpContext,
  request: FastifyRequest,
  token: string,
): Promise<BackEndContext> {
  return contextOf(context, await judgeServerToken(context, request, { token, place: 'auth' }))
}

function contextOf(context: HttpContext, caller: Caller): BackEndContext {
  if (!caller.grants.some(it => BACK_END.every(right => it.rights.includes(right))))
    throw new PushError('not_allowed', `this call takes a token with the scopes ${BACK_END.join(', ')}`)
  return { ...context, apps: new AppsOfToken(context.apps, caller) }
}
