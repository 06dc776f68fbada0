/**
 * Passwords of people: argon2id with 19 MiB and two passes, 20 ms of a core.
 * Source: OWASP, "Password Storage Cheat Sheet"; RFC 9106 for the algorithm.
 */
import { hash, verify } from '@node-rs/argon2'
import { type Asking, PasswordQueue } from './password-queue.ts'

const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
/** Of a password that nobody knows, with the same cost: a name that is none takes as long as one that is. */
const NOBODYS =
  '$argon2id$v=19$m=19456,t=2,p=1$r8plGOPCbCBjBsG4BNcGXA$zHRjVoj9fNRhv+ZDet+ICs6hu8QO7YaP4s4yf/l2WlI'

export class Passwords {
  readonly #queue = new PasswordQueue()

  /** In PHC form. Throws `rate_limited`. */
  async hash(password: string, asking: Asking = { isKnown: true }): Promise<string> {
    return this.#queue.inTurn(() => hash(folded(password), COST), asking)
  }

  /** In constant time, whether or not there is such a person. Throws `rate_limited`. */
  async isRight(stored: string | undefined, password: string, asking: Asking): Promise<boolean> {
    const isRight = await this.#queue.inTurn(() => verify(stored ?? NOBODYS, folded(password)), asking)
    return isRight && stored !== undefined
  }
}

/** Keyboards write the same letter in several ways (NIST SP 800-63B, 3.1.1.2). */
function folded(password: string): string {
  return password.normalize('NFKC')
}
