/**
 * The pages of the console, by the path that the fragment of the address holds (`/#/apps/A/devices/x`).
 *
 * In the fragment, and not in the path of the URL, because
 *   - ids of devices and users hold any character: proxies merge, decode or refuse `%2F`, `//` and `..` in a path, and
 *     write what they see there into their logs; a fragment never leaves the browser (RFC 9110 §7.1),
 *   - the same files work below any path that a proxy puts Roost under, with nothing to set,
 *   - a mistyped call of the API stays a 404 in JSON and never becomes a page with status 200.
 *
 * A page is loaded when it is first opened, along with the texts of its area. To add one: README.md beside this folder.
 */
import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router'
import { AppFrame } from './apps/frame.tsx'
import { initialLocale } from './i18n/language.tsx'
import { loadTexts } from './i18n/text-store.ts'
import { PageCrash, PageNotFound, PagePending } from './page-states.tsx'
import { parseSearch, stringifySearch, texts } from './search-params.ts'
import { Shell } from './shell/shell.tsx'
import type { Area } from './texts/areas.ts'

const root = createRootRoute({ component: Shell })

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  loader: withTexts('apps'),
  component: lazyRouteComponent(() => import('./apps/start.tsx'), 'StartPage'),
})
const apps = createRoute({
  getParentRoute: () => root,
  path: '/apps',
  loader: withTexts('apps'),
  component: lazyRouteComponent(() => import('./apps/list.tsx'), 'AppsPage'),
})
const newApp = createRoute({
  getParentRoute: () => root,
  path: '/new-app',
  loader: withTexts('apps'),
  component: lazyRouteComponent(() => import('./apps/new.tsx'), 'NewAppPage'),
})
const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  loader: withTexts('access'),
  component: lazyRouteComponent(() => import('./account/page.tsx'), 'AccountPage'),
})

/** All pages of one app are below it. */
const app = createRoute({ getParentRoute: () => root, path: '/apps/$app', component: AppFrame })

const dashboard = createRoute({
  getParentRoute: () => app,
  path: '/',
  validateSearch: texts('range'),
  loader: withTexts('dashboard', 'alerts', 'devices', 'messages', 'credentials'),
  component: lazyRouteComponent(() => import('./dashboard/page.tsx'), 'DashboardPage'),
})
const day = createRoute({
  getParentRoute: () => app,
  path: '/days/$day',
  loader: withTexts('dashboard'),
  component: lazyRouteComponent(() => import('./statistics/day-page.tsx'), 'DayPage'),
})
const messages = createRoute({
  getParentRoute: () => app,
  path: '/messages',
  validateSearch: texts('text', 'state', 'since', 'campaign'),
  loader: withTexts('messages'),
  component: lazyRouteComponent(() => import('./messages/list.tsx'), 'MessagesPage'),
})
const newMessage = createRoute({
  getParentRoute: () => app,
  path: '/messages/new',
  validateSearch: texts('from', 'edit', 'segment', 'device', 'user'),
  loader: withTexts('compose', 'devices'),
  component: lazyRouteComponent(() => import('./compose/page.tsx'), 'ComposePage'),
})
const message = createRoute({
  getParentRoute: () => app,
  path: '/messages/$message',
  validateSearch: texts('view'),
  loader: withTexts('messages', 'report', 'diagnosis'),
  component: lazyRouteComponent(() => import('./messages/message.tsx'), 'MessagePage'),
})
const lostDevices = createRoute({
  getParentRoute: () => app,
  path: '/messages/$message/lost/$step',
  validateSearch: texts('reason'),
  loader: withTexts('report', 'messages', 'devices'),
  component: lazyRouteComponent(() => import('./messages/lost.tsx'), 'LostPage'),
})
const schedules = createRoute({
  getParentRoute: () => app,
  path: '/schedules',
  loader: withTexts('schedules'),
  component: lazyRouteComponent(() => import('./schedules/page.tsx'), 'SchedulesPage'),
})
const schedule = createRoute({
  getParentRoute: () => app,
  path: '/schedules/$schedule',
  loader: withTexts('schedules', 'messages'),
  component: lazyRouteComponent(() => import('./schedules/schedule.tsx'), 'SchedulePage'),
})
const trigger = createRoute({
  getParentRoute: () => app,
  path: '/triggers/$trigger',
  loader: withTexts('schedules', 'messages'),
  component: lazyRouteComponent(() => import('./schedules/trigger.tsx'), 'TriggerPage'),
})
const calls = createRoute({
  getParentRoute: () => app,
  path: '/calls',
  validateSearch: texts('user'),
  loader: withTexts('calls'),
  component: lazyRouteComponent(() => import('./calls/page.tsx'), 'CallsPage'),
})
const call = createRoute({
  getParentRoute: () => app,
  path: '/calls/$call',
  loader: withTexts('calls'),
  component: lazyRouteComponent(() => import('./calls/call.tsx'), 'CallPage'),
})
const diagnosis = createRoute({
  getParentRoute: () => app,
  path: '/diagnosis',
  validateSearch: texts('device', 'user', 'message'),
  loader: withTexts('diagnosis', 'devices'),
  component: lazyRouteComponent(() => import('./diagnosis/page.tsx'), 'DiagnosisPage'),
})
const devices = createRoute({
  getParentRoute: () => app,
  path: '/devices',
  validateSearch: texts('search', 'state', 'platform', 'by'),
  loader: withTexts('devices', 'device'),
  component: lazyRouteComponent(() => import('./devices/list.tsx'), 'DevicesPage'),
})
const device = createRoute({
  getParentRoute: () => app,
  path: '/devices/$hwid',
  loader: withTexts('devices', 'device', 'ledger', 'diagnosis', 'segments', 'selfCheck'),
  component: lazyRouteComponent(() => import('./devices/device.tsx'), 'DevicePage'),
})
const users = createRoute({
  getParentRoute: () => app,
  path: '/users',
  validateSearch: texts('search'),
  loader: withTexts('devices', 'device'),
  component: lazyRouteComponent(() => import('./users/search.tsx'), 'UsersPage'),
})
const user = createRoute({
  getParentRoute: () => app,
  path: '/users/$user',
  loader: withTexts('devices', 'device', 'ledger'),
  component: lazyRouteComponent(() => import('./users/user.tsx'), 'UserPage'),
})
const testDevices = createRoute({
  getParentRoute: () => app,
  path: '/test-devices',
  loader: withTexts('testDevices', 'selfCheck', 'device'),
  component: lazyRouteComponent(() => import('./test-devices/page.tsx'), 'TestDevicesPage'),
})
const imports = createRoute({
  getParentRoute: () => app,
  path: '/imports',
  loader: withTexts('imports', 'devices'),
  component: lazyRouteComponent(() => import('./imports/page.tsx'), 'ImportsPage'),
})
const segments = createRoute({
  getParentRoute: () => app,
  path: '/segments',
  loader: withTexts('segments'),
  component: lazyRouteComponent(() => import('./segments/page.tsx'), 'SegmentsPage'),
})
const newSegment = createRoute({
  getParentRoute: () => app,
  path: '/segments/new',
  loader: withTexts('segments', 'devices'),
  component: lazyRouteComponent(() => import('./segments/edit.tsx'), 'NewSegmentPage'),
})
const segment = createRoute({
  getParentRoute: () => app,
  path: '/segments/$segment',
  loader: withTexts('segments', 'devices'),
  component: lazyRouteComponent(() => import('./segments/segment.tsx'), 'SegmentPage'),
})
const editSegment = createRoute({
  getParentRoute: () => app,
  path: '/segments/$segment/edit',
  loader: withTexts('segments', 'devices'),
  component: lazyRouteComponent(() => import('./segments/edit.tsx'), 'EditSegmentPage'),
})
const lists = createRoute({
  getParentRoute: () => app,
  path: '/lists',
  loader: withTexts('lists'),
  component: lazyRouteComponent(() => import('./lists/page.tsx'), 'ListsPage'),
})
const credentials = createRoute({
  getParentRoute: () => app,
  path: '/credentials',
  loader: withTexts('credentials', 'devices'),
  component: lazyRouteComponent(() => import('./credentials/page.tsx'), 'CredentialsPage'),
})
const pushTest = createRoute({
  getParentRoute: () => app,
  path: '/push-test',
  validateSearch: texts('credential', 'hwid'),
  loader: withTexts('pushTest', 'credentials', 'devices'),
  component: lazyRouteComponent(() => import('./push-test/page.tsx'), 'PushTestPage'),
})

const hygiene = createRoute({
  getParentRoute: () => app,
  path: '/hygiene',
  loader: withTexts('hygiene', 'alerts', 'devices'),
  component: lazyRouteComponent(() => import('./hygiene/alerts.tsx'), 'AlertsPage'),
})
const ages = createRoute({
  getParentRoute: () => app,
  path: '/hygiene/ages',
  loader: withTexts('hygiene', 'devices'),
  component: lazyRouteComponent(() => import('./hygiene/ages.tsx'), 'AgesPage'),
})
const removals = createRoute({
  getParentRoute: () => app,
  path: '/hygiene/removals',
  validateSearch: texts('range', 'event', 'reason'),
  loader: withTexts('hygiene', 'devices'),
  component: lazyRouteComponent(() => import('./hygiene/removals.tsx'), 'RemovalsPage'),
})
const jobs = createRoute({
  getParentRoute: () => app,
  path: '/hygiene/jobs',
  loader: withTexts('hygiene', 'devices'),
  component: lazyRouteComponent(() => import('./hygiene/jobs.tsx'), 'JobsPage'),
})
const job = createRoute({
  getParentRoute: () => app,
  path: '/hygiene/jobs/$job',
  loader: withTexts('hygiene', 'devices'),
  component: lazyRouteComponent(() => import('./hygiene/job.tsx'), 'JobPage'),
})
const webhooks = createRoute({
  getParentRoute: () => app,
  path: '/webhooks',
  loader: withTexts('webhooks'),
  component: lazyRouteComponent(() => import('./webhooks/page.tsx'), 'WebhooksPage'),
})

const settings = createRoute({
  getParentRoute: () => app,
  path: '/settings',
  loader: withTexts('settings'),
  component: lazyRouteComponent(() => import('./settings/app.tsx'), 'SettingsPage'),
})
const members = createRoute({
  getParentRoute: () => app,
  path: '/members',
  validateSearch: texts('of'),
  loader: withTexts('people'),
  component: lazyRouteComponent(() => import('./settings/members.tsx'), 'MembersPage'),
})
const tokens = createRoute({
  getParentRoute: () => app,
  path: '/tokens',
  validateSearch: texts('of'),
  loader: withTexts('people'),
  component: lazyRouteComponent(() => import('./settings/tokens.tsx'), 'TokensPage'),
})
const audit = createRoute({
  getParentRoute: () => app,
  path: '/audit',
  validateSearch: texts('of', 'who', 'kind', 'range'),
  loader: withTexts('people'),
  component: lazyRouteComponent(() => import('./settings/audit.tsx'), 'AuditPage'),
})

const guide = createRoute({
  getParentRoute: () => app,
  path: '/guide',
  validateSearch: texts('platform'),
  loader: withTexts('guide', 'devices'),
  component: lazyRouteComponent(() => import('./guide/page.tsx'), 'GuidePage'),
})

const routeTree = root.addChildren([
  start,
  apps,
  newApp,
  account,
  app.addChildren([
    segments,
    newSegment,
    segment,
    editSegment,
    lists,
    dashboard,
    day,
    messages,
    newMessage,
    message,
    lostDevices,
    schedules,
    schedule,
    trigger,
    calls,
    call,
    diagnosis,
    devices,
    device,
    users,
    user,
    testDevices,
    imports,
    credentials,
    pushTest,
    settings,
    members,
    tokens,
    audit,
    hygiene,
    ages,
    removals,
    jobs,
    job,
    webhooks,
    guide,
  ]),
])

export const router = createRouter({
  routeTree,
  history: createHashHistory(),
  parseSearch,
  stringifySearch,
  // another app, device or message starts its page anew: nothing typed for one shows up in the other
  defaultRemountDeps: ({ params }) => params,
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: PagePending,
  defaultErrorComponent: PageCrash,
  defaultNotFoundComponent: PageNotFound,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

/** Asks for the texts while the page's own code is on its way; the page waits for whatever isn't there yet. */
function withTexts(...areas: readonly Area[]): () => Promise<void> {
  return async () => {
    await Promise.all(areas.map(area => loadTexts(initialLocale(), area)))
  }
}
