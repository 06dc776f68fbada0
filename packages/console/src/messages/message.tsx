/** The report of one message: how far it is, who was lost where and why, how long it took, and what was sent. */
import { Alert, Group, Stack, Tabs, Text } from '@mantine/core'
import type { MessageView } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useLive } from '../live/live.tsx'
import { Ago } from '../parts/ago.tsx'
import { TextLink } from '../parts/link.tsx'
import { Loaded, PageHead, Panel, Waiting } from '../parts/page.tsx'
import { oneOf } from '../search-params.ts'
import { ReadOnlyMark, useAppCode } from '../session/session.tsx'
import { MessageActions } from './actions.tsx'
import { AskOneDevice } from './ask-one.tsx'
import { writeAudience } from './audience.ts'
import { keyOfMessage, useMessage } from './calls.ts'
import { ContentView } from './content.tsx'
import { ExperimentPanel } from './experiment.tsx'
import { useAnew } from './follow.ts'
import { MessageStateBadge, OutcomeBar, Outcomes, SendProgress } from './message-card.tsx'
import css from './messages.module.css'
import { ReachPanels } from './reach.tsx'
import { markOfNumbers, withTold } from './told.ts'

const Remarks = lazy(async () => ({ default: (await import('../compose/remark-list.tsx')).Remarks }))
const TimesView = lazy(async () => ({ default: (await import('./times.tsx')).TimesView }))

const VIEWS = ['reach', 'times', 'content'] as const
const ANEW_EVERY_MS = 3_000

const route = getRouteApi('/apps/$app/messages/$message')

export function MessagePage(): ReactElement {
  const t = useTexts('messages')
  const app = useAppCode()
  const { message: id } = route.useParams()
  const query = useMessage(app, id)
  const live = useLive()
  const message = query.data && withTold(query.data, live)
  // only what the stream tells: what was read itself is no reason to read it again
  const told = live?.messages.find(each => each.id === id)
  useAnew({ key: keyOfMessage(app, id), mark: told ? markOfNumbers(told) : '', everyMs: ANEW_EVERY_MS })
  return (
    <>
      <PageHead
        title={message ? message.title || t('untitled') : t('message')}
        about={message && <About message={message} />}
        back={
          <TextLink to="/apps/$app/messages" params={{ app }}>
            {t('title')}
          </TextLink>
        }
      >
        <ReadOnlyMark right="send" />
        {message && <MessageActions app={app} message={message} />}
      </PageHead>
      <Loaded query={query} lines={10}>
        {() => message && <Report app={app} message={message} />}
      </Loaded>
    </>
  )
}

function About({ message }: { readonly message: MessageView }): ReactElement {
  const t = useTexts('messages')
  const report = useTexts('report')
  const format = useFormat()
  const { state, sendAt, audience, campaign } = message
  return (
    <Group gap={8} mt={4}>
      <span aria-live="polite">
        <MessageStateBadge message={message} />
      </span>
      <span>
        {writeAudience(t, audience)}
        {campaign !== null && ` · ${campaign}`}
        {' · '}
        {state === 'scheduled' ? report('sendAt', { moment: format.moment(sendAt) }) : <Ago at={sendAt} />}
      </span>
    </Group>
  )
}

interface ReportProps {
  readonly app: string
  readonly message: MessageView
}

function Report({ app, message }: ReportProps): ReactElement {
  const t = useTexts('report')
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const view = oneOf(search.view, VIEWS) ?? 'reach'
  return (
    <Stack gap="md">
      <Links app={app} message={message} />
      <Progress message={message} />
      {message.experiment && <ExperimentPanel app={app} message={message} experiment={message.experiment} />}
      <Tabs
        value={view}
        keepMounted={false}
        onChange={next =>
          void navigate({ search: { view: next ?? 'reach' }, replace: true, resetScroll: false })
        }
      >
        <Tabs.List mb="md">
          {VIEWS.map(each => (
            <Tabs.Tab key={each} value={each}>
              {t(`view.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="reach">
          <Stack gap="md">
            <ReachPanels app={app} message={message} />
            <AskOneDevice app={app} messageId={message.id} />
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="times">
          <Suspense fallback={<Waiting lines={8} />}>
            <TimesView app={app} message={message} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="content">
          <ContentView app={app} message={message} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

/** What it has to do with other messages, and what was found when it was made. */
function Links({ app, message }: ReportProps): ReactElement | null {
  const t = useTexts('report')
  const { recalls, recalledBy, warnings } = message
  const link = (id: string) =>
    function Linked(text: readonly (string | ReactElement)[]): ReactElement {
      return (
        <TextLink key="a" to="/apps/$app/messages/$message" params={{ app, message: id }} td="underline">
          {text}
        </TextLink>
      )
    }
  if (recalls === null && recalledBy === null && warnings.length === 0) return null
  return (
    <Alert color={warnings.length > 0 ? 'yellow' : 'gray'} variant="light" p="sm">
      {recalls !== null && <Text size="sm">{t.rich<ReactElement>('recalls', { a: link(recalls) })}</Text>}
      {recalledBy !== null && (
        <Text size="sm">{t.rich<ReactElement>('recalledBy', { a: link(recalledBy) })}</Text>
      )}
      <Warnings message={message} />
    </Alert>
  )
}

/** Of messages that an older release made the words alone are stored, in English. */
function Warnings({ message: { warnings, remarks } }: Pick<ReportProps, 'message'>): ReactElement {
  if (remarks.length > 0)
    return (
      <Suspense fallback={null}>
        <Remarks remarks={remarks} />
      </Suspense>
    )
  return (
    <>
      {warnings.map(warning => (
        <Text size="sm" lang="en" key={warning}>
          {warning}
        </Text>
      ))}
    </>
  )
}

/** The invariant as a bar: all that were targeted, each in one part. Receipts stand apart, since they overlap. */
function Progress({ message }: { readonly message: MessageView }): ReactElement {
  const t = useTexts('report')
  const { counts, state, waiting, awaits } = message
  const toCome = waiting - counts.pending
  if (state === 'scheduled' && counts.targeted === 0)
    return (
      <Panel>
        <Text size="sm" c="dimmed">
          {t('notYet')}
        </Text>
      </Panel>
    )
  return (
    <Panel title={t('progress')}>
      <Stack gap="md">
        {(state === 'sending' || state === 'paused') && <SendProgress message={message} />}
        <div className={css.tiles}>
          <Tile name={t('tile.targeted')} count={counts.targeted} />
          <Tile
            name={t('tile.accepted')}
            count={counts.accepted}
            of={counts.targeted}
            about="share.targeted"
          />
          <Tile
            name={t('tile.delivered')}
            count={counts.delivered}
            of={counts.accepted}
            about="share.accepted"
          />
          <Tile name={t('tile.opened')} count={counts.opened} of={counts.accepted} about="share.accepted" />
        </div>
        <Stack gap={8}>
          <OutcomeBar counts={counts} height={18} />
          <Outcomes counts={counts} />
        </Stack>
        {toCome > 0 && <Text size="sm">{t('toCome', { count: toCome })}</Text>}
        {awaits.map(each => (
          <Text size="sm" key={each}>
            {t(`awaits.${each}`)}
          </Text>
        ))}
        {counts.deadHeld > 0 && <Text size="sm">{t('deadHeld', { count: counts.deadHeld })}</Text>}
        {counts.possibleDuplicates > 0 && (
          <Text size="sm">{t('duplicates', { count: counts.possibleDuplicates })}</Text>
        )}
        <Text size="xs" c="dimmed">
          {t('receipts')}
        </Text>
      </Stack>
    </Panel>
  )
}

interface TileProps {
  readonly name: string
  readonly count: number
  readonly of?: number
  readonly about?: 'share.targeted' | 'share.accepted'
}

function Tile({ name, count, of, about }: TileProps): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  return (
    <div className={css.tile}>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Text fz={26} fw={650} lh={1.25}>
        {format.count(count)}
      </Text>
      <Text size="xs" c="dimmed">
        {about && of !== undefined && of > 0 ? t(about, { share: format.share(count, of) }) : '\u00a0'}
      </Text>
    </div>
  )
}
