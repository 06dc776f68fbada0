/** With what devices have come: one object for all that have the same token, so that a token that is taken back is looked for once. */
import { type HelloFrame, PushError } from '@roost/protocol'
import { type AppDirectory, requireServing } from '../access/apps.ts'

/** What a device came with. */
export interface Access {
  /** Code. */
  readonly app: string
  readonly deviceToken: string
}

export class Accesses {
  readonly #apps: AppDirectory
  readonly #known = new Map<string, Access>()

  constructor(apps: AppDirectory) {
    this.#apps = apps
  }

  /** Of a device that is let in: nobody else's is to be kept. */
  of({ app, deviceToken }: Pick<HelloFrame, 'app' | 'deviceToken'>): Access {
    const key = `${app} ${deviceToken}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const access = { app, deviceToken }
    this.#known.set(key, access)
    return access
  }

  /**
   * Those that nobody is let in with any more, and why: a token was revoked, an app archived. They are told once. `onError`: one could
   * not be looked at; it is at the next time.
   */
  async takeRefused(onError: (error: unknown) => void): Promise<ReadonlyMap<Access, PushError>> {
    const refused = new Map<Access, PushError>()
    for (const [key, access] of [...this.#known]) {
      const error = await this.#refusalOf(access).catch(onError)
      if (!(error instanceof PushError)) continue
      this.#known.delete(key)
      refused.set(access, error)
    }
    return refused
  }

  /** Undefined when it is as good as ever. Rejects when nobody knows. */
  async #refusalOf({ app, deviceToken }: Access): Promise<PushError | undefined> {
    try {
      requireServing(await this.#apps.findByDevice(app, deviceToken))
      return undefined
    } catch (error) {
      if (error instanceof PushError) return error
      throw error
    }
  }
}
