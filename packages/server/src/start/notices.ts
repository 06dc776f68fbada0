/** What other processes announce, and who in this one wants to know. */
import type { AppDirectory } from '../access/apps.ts'
import type { ServerTokens } from '../access/tokens.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { LiveChannels } from '../live/channels.ts'
import type { Notice } from '../store/notices.ts'
import type { Role } from './roles.ts'

interface Listeners {
  readonly roles: ReadonlySet<Role>
  readonly dispatcher: Dispatcher
  readonly serverTokens: ServerTokens
  readonly apps: AppDirectory
  /** Undefined until they are open, and without the role "api". */
  channels(): LiveChannels | undefined
}

export function listenerOf({ roles, dispatcher, serverTokens, apps, channels }: Listeners) {
  const forgetTokens = () => {
    serverTokens.forget()
    apps.forget()
    void channels()?.checkAccess()
  }
  return (notice: Notice): void => {
    if (notice === 'access') forgetTokens()
    else if (notice === 'live') channels()?.look()
    else if (notice === 'call') channels()?.lookForCalls()
    else if (notice === 'unread') channels()?.lookForUnread()
    else if (roles.has('send')) dispatcher.poke()
    if (notice === 'control' && roles.has('send')) void dispatcher.lookForStops()
  }
}
