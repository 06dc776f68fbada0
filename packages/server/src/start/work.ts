/** Work that calls bring along: done by this process where it has the role for it, else announced to those that have. */
import type { Logger } from 'pino'
import { type Accepted, acceptMessages, type ToldFault } from '../dispatch/accept.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { HttpContext } from '../http/context.ts'
import { announceJob, type JobRunner } from '../jobs/runner.ts'
import type { Created, Creation } from '../messages/create.ts'
import type { Database } from '../store/database.ts'
import type { Role } from './roles.ts'

interface Workers {
  readonly db: Database
  readonly logger: Logger
  readonly roles: ReadonlySet<Role>
  readonly dispatcher: Dispatcher
  readonly jobs: JobRunner
}

type Work = Pick<HttpContext, 'poke' | 'accept' | 'acceptAll' | 'runSoon'>

export function workOf({ db, logger, roles, dispatcher, jobs }: Workers): Work {
  const elsewhere = (announcing: Promise<void>) =>
    void announcing.catch((error: unknown) =>
      logger.warn({ err: error }, 'work for another process was not announced'),
    )
  const poke = roles.has('send')
    ? (what?: Accepted['due']) => dispatcher.poke(what)
    : () => elsewhere(db.announce('due'))
  const acceptAll = async (messages: readonly Creation[], told?: ToldFault): Promise<Created[]> => {
    if (roles.has('send')) return dispatcher.accept(messages, told)
    const accepted = await acceptMessages(db, messages, told)
    poke()
    return accepted.map(it => it.created)
  }
  return {
    poke,
    acceptAll,
    accept: async message => (await acceptAll([message]))[0] as Created,
    runSoon: roles.has('jobs')
      ? (name, appId) => jobs.runSoon(name, appId)
      : (name, appId) => elsewhere(announceJob(db, name, appId)),
  }
}
