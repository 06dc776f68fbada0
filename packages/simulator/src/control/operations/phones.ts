/** Virtual phones: who they are, and what happens to them. */
import type { CrowdResult, PhoneChoice } from '../../phones/crowd.ts'
import type { Phone } from '../../phones/phone.ts'
import {
  count,
  duration,
  type FieldTable,
  flag,
  list,
  oneOf,
  optional,
  share,
  text,
  type Values,
} from '../fields.ts'
import { type Operation, operation, type World } from '../operation.ts'
import { POPULATION, populate } from '../population.ts'

const CHOICE = {
  numbers: optional(list(count())),
  kind: optional(oneOf('ios', 'android', 'web', 'hms')),
  share: optional(share()),
  count: optional(count()),
}
const DEFAULT_LISTED = 100

export const PHONES: readonly Operation[] = [
  operation('phones.install', 'POST /phones', {
    summary:
      'More phones: they get tokens, and open the app unless `opens` is false. Server, seed and habits are those of the first ones.',
    fields: { ...POPULATION, opens: optional(flag()) },
    run: ({ people }, values) => populate(people, values),
  }),
  operation('phones.list', 'GET /phones', {
    summary: 'Phones by number, the first `limit` (100) of those that match.',
    fields: {
      kind: CHOICE.kind,
      isInstalled: optional(flag()),
      isOnline: optional(flag()),
      from: optional(count()),
      limit: optional(count()),
    },
    run: ({ people }, { from = 0, limit = DEFAULT_LISTED, ...choice }) => {
      const phones = people.crowd.choose(choice)
      const listed = phones.filter(({ number }) => number >= from).slice(0, limit)
      return { total: phones.length, phones: listed.map(view) }
    },
  }),
  operation('phones.counts', 'GET /phones/counts', {
    summary: 'Registrations, what was shown, repeats, and the receipts.',
    run: ({ people }) => people.crowd.counts(),
  }),
  action('open', {
    summary: 'The app comes to the front and registers; phones that were removed get it again.',
    choice: { isOnline: true },
    act: phone => phone.open(),
  }),
  action('uninstall', {
    summary:
      "The app is removed and nobody tells the server. iPhones' tokens are accepted for `acceptedFor` yet.",
    fields: { acceptedFor: optional(duration()) },
    choice: { isInstalled: true },
    act: (phone, { acceptedFor }) =>
      phone.uninstall(acceptedFor === undefined ? {} : { acceptedForMs: acceptedFor }),
  }),
  action('come-back', {
    summary: 'The app is installed again: the same hwid, a new token.',
    choice: { isInstalled: false, isOnline: true },
    act: phone => phone.comeBack(),
  }),
  action('new-token', {
    summary: 'The gateway hands out a new token, and the old one dies.',
    choice: { isInstalled: true, isOnline: true },
    act: phone => phone.refreshToken(),
  }),
  action('switch-environment', {
    summary: 'iPhones go from TestFlight to Xcode or back: another token in the other environment.',
    choice: { kind: 'ios', isInstalled: true, isOnline: true },
    act: phone => phone.switchEnvironment(),
  }),
  action('log-in', {
    summary: 'Somebody logs in; `{number}` in the name is the number of the phone.',
    fields: { userId: optional(text()) },
    choice: { isOnline: true },
    act: (phone, { userId = 'user-{number}' }) =>
      phone.logIn(userId.replace('{number}', String(phone.number))),
  }),
  action('log-out', {
    summary: 'Nobody is logged in any more.',
    choice: { isOnline: true },
    act: phone => phone.logOut(),
  }),
  action('lose-permission', {
    summary: 'The person forbids notifications; the server learns it when the app is opened.',
    choice: {},
    act: phone => phone.losePermission(),
  }),
  action('regain-permission', {
    summary: 'Notifications are allowed again, and the app is opened.',
    choice: { isOnline: true },
    act: phone => phone.regainPermission(),
  }),
  action('go-offline', {
    summary: 'Out of reach; gateways hold what they hold.',
    choice: { isOnline: true },
    act: phone => phone.goOffline(),
  }),
  action('go-online', {
    summary: 'Back in reach; what was held arrives.',
    choice: { isOnline: false },
    act: phone => phone.goOnline(),
  }),
  action('unregister', {
    summary: 'Notifications are switched off in the app, and the server is told.',
    choice: { isOnline: true },
    act: phone => phone.unregister(),
  }),
  operation('phones.restore-backup', 'POST /phones/restore-backup', {
    summary:
      'Each of them on another phone as well, which opens the app; `keepsHwid` false makes it a new device.',
    fields: { ...CHOICE, keepsHwid: optional(flag()) },
    run: async ({ people }, { keepsHwid = true, ...choice }) => {
      const { crowd } = people
      const restored = crowd.restore(crowd.choose({ ...choice, isInstalled: true }), { keepsHwid })
      await crowd.install(restored)
      const result = await crowd.register(restored)
      return { ...result, numbers: restored.map(({ number }) => number) }
    },
  }),
  operation('phones.flush-receipts', 'POST /phones/flush-receipts', {
    summary: 'Posts at once what waits for another try.',
    run: ({ people }) => people.crowd.flushReceipts(),
  }),
]

interface ActionOptions<Table extends FieldTable> {
  readonly summary: string
  readonly fields?: Table
  /** Of whom phones are chosen. */
  readonly choice: PhoneChoice
  readonly act: (phone: Phone, values: Values<Table>) => unknown
}

/** What happens to all phones that match, or to a share of them. */
function action<const Table extends FieldTable = Readonly<Record<never, never>>>(
  verb: string,
  options: ActionOptions<Table>,
): Operation {
  const { summary, fields, choice: state, act } = options
  return operation(`phones.${verb}`, `POST /phones/${verb}`, {
    summary,
    fields: { ...CHOICE, ...fields } as FieldTable,
    run: ({ people }: World, values): Promise<CrowdResult> => {
      const chosen = people.crowd.choose({ ...(values as PhoneChoice), ...state, ...kindOf(values, state) })
      return people.crowd.each(chosen, phone => act(phone, values as Values<Table>))
    },
  })
}

/** Asked for a kind that the action is not for, there are none. */
function kindOf(values: object, state: PhoneChoice): PhoneChoice {
  const { kind } = values as PhoneChoice
  if (kind === undefined || state.kind === undefined || kind === state.kind) return {}
  return { count: 0 }
}

function view(phone: Phone): object {
  const { number, kind, hwid, token, userId, environment, isOnline, isPermitted, shownCount } = phone
  return {
    number,
    kind,
    hwid,
    token: token ?? null,
    userId: userId ?? null,
    ...(environment !== undefined && { environment }),
    isOnline,
    isPermitted,
    shown: shownCount,
  }
}
