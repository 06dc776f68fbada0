/** One webhook, with what can be done about it. */
import { Alert, Button, Group, Radio, Stack, Text } from '@mantine/core'
import type { WebhookView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import type { Reading } from '../api/client.ts'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Changed, isChangedMeanwhile } from '../parts/changed.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useMay } from '../session/session.tsx'
import {
  type MadeWebhook,
  useChangeWebhook,
  useDeleteWebhook,
  useNewSecret,
  useTestWebhook,
  useWebhookReading,
} from './calls.ts'
import { Deliveries } from './deliveries.tsx'
import { ALL_EVENTS } from './events.ts'
import { WebhookForm } from './form.tsx'

export interface CardProps {
  readonly app: string
  readonly webhook: WebhookView
  readonly onSecret: (made: MadeWebhook) => void
}

type Opened = 'deliveries' | 'edit' | 'secret' | 'delete' | undefined

export function WebhookCard({ app, webhook, onSecret }: CardProps): ReactElement {
  const t = useTexts('webhooks')
  const mayManage = useMay('manage')
  const { id, isActive } = webhook
  const [opened, setOpened] = useState<Opened>()
  const change = useChangeWebhook(app, id)
  const test = useTestWebhook(app, id)
  const toggle = (wanted: Opened) => () => setOpened(opened === wanted ? undefined : wanted)
  const small = { size: 'xs', variant: 'default' } as const
  return (
    <Panel title={hostOf(webhook.url)} aside={<State webhook={webhook} />}>
      <Stack gap="sm">
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
          {webhook.url}
        </Text>
        <Text size="sm" c="dimmed">
          <Told events={webhook.events} />
        </Text>
        <Trouble webhook={webhook} />
        {change.error && opened !== 'edit' && <Problem error={change.error} title={t('failed')} />}
        {test.error && <Problem error={test.error} title={t('test.failed')} />}
        <Group gap="xs">
          {mayManage && (
            <Button
              {...small}
              loading={test.isPending}
              onClick={() => test.mutate(undefined, { onSuccess: () => setOpened('deliveries') })}
            >
              {t('test')}
            </Button>
          )}
          <Button {...small} aria-expanded={opened === 'deliveries'} onClick={toggle('deliveries')}>
            {t('deliveries')}
          </Button>
          {mayManage && (
            <>
              <Button {...small} aria-expanded={opened === 'edit'} onClick={toggle('edit')}>
                {t('edit')}
              </Button>
              <Button
                {...small}
                loading={change.isPending && opened !== 'edit'}
                onClick={() => change.mutate({ wanted: { isActive: !isActive } })}
              >
                {t(isActive ? 'stop' : 'resume')}
              </Button>
              <Button {...small} onClick={toggle('secret')}>
                {t('secret.new')}
              </Button>
              <Button size="xs" variant="subtle" color="red" onClick={toggle('delete')}>
                {t('delete')}
              </Button>
            </>
          )}
        </Group>
        {opened === 'deliveries' && <Deliveries app={app} webhook={webhook} />}
        {opened === 'edit' && (
          <Edit
            app={app}
            webhook={webhook}
            change={change}
            onClose={() => {
              change.reset()
              setOpened(undefined)
            }}
          />
        )}
      </Stack>
      <NewSecret
        app={app}
        webhook={webhook}
        isOpen={opened === 'secret'}
        onSecret={onSecret}
        onDone={() => setOpened(undefined)}
      />
      <Deletion
        app={app}
        webhook={webhook}
        isOpen={opened === 'delete'}
        onDone={() => setOpened(undefined)}
      />
    </Panel>
  )
}

interface EditProps extends Pick<CardProps, 'app' | 'webhook'> {
  readonly change: ReturnType<typeof useChangeWebhook>
  readonly onClose: () => void
}

function Edit({ app, webhook, change, onClose }: EditProps): ReactElement {
  const reading = useWebhookReading(app, webhook.id)
  return (
    <Loaded query={reading}>{found => <EditForm found={found} change={change} onClose={onClose} />}</Loaded>
  )
}

interface EditFormProps extends Pick<EditProps, 'change' | 'onClose'> {
  readonly found: Reading<WebhookView>
}

/** Goes on from what was there when it was opened, whatever the server has by then: the ETag finds that out. */
function EditForm({ found, change, onClose }: EditFormProps): ReactElement {
  const t = useTexts('webhooks')
  const [base, setBase] = useState(found)
  const isChanged = isChangedMeanwhile(change.error)
  const showTheirs = (): void => {
    setBase(found)
    change.reset()
  }
  return (
    <>
      {isChanged && change.error && <Changed error={change.error} verb={t('theirs')} onTheirs={showTheirs} />}
      <WebhookForm
        key={base.etag}
        stored={base.data}
        isPending={change.isPending}
        error={isChanged ? null : change.error}
        onSend={({ url, events }) => {
          const wanted = { url, events: ALL_EVENTS.filter(each => events.includes(each)) }
          change.mutate({ wanted, ifMatch: base.etag }, { onSuccess: onClose })
        }}
        onClose={onClose}
      />
    </>
  )
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url
}

interface PartProps {
  readonly webhook: WebhookView
}

function State({ webhook: { isActive, disabledAt, failures } }: PartProps): ReactElement {
  const t = useTexts('webhooks')
  if (!isActive)
    return (
      <StateBadge
        tone={disabledAt ? 'bad' : 'plain'}
        label={t(disabledAt ? 'state.disabled' : 'state.stopped')}
      />
    )
  return failures > 0 ? (
    <StateBadge tone="warning" label={t('state.failing')} />
  ) : (
    <StateBadge tone="good" label={t('state.active')} />
  )
}

function Told({ events }: { readonly events: readonly string[] }): ReactElement {
  const t = useTexts('webhooks')
  if (ALL_EVENTS.every(each => events.includes(each))) return <>{t('told.all')}</>
  return <>{t('told', { events: events.map(each => t.known(`event.${each}`) ?? each).join(' · ') })}</>
}

function Trouble({ webhook: { failures, failingSince, disabledAt } }: PartProps): ReactElement | null {
  const t = useTexts('webhooks')
  if (failures === 0 || failingSince === null) return null
  return (
    <Alert color={disabledAt ? 'red' : 'orange'} variant="light" py="xs" role="status">
      <Text size="sm">
        {t.rich<ReactElement>('trouble', { count: failures, ago: <Ago key="ago" at={failingSince} /> })}
      </Text>
      <Text size="sm" fw={600}>
        {t(disabledAt ? 'trouble.disabled' : 'trouble.retry')}
      </Text>
    </Alert>
  )
}

interface DialogProps {
  readonly app: string
  readonly webhook: WebhookView
  readonly isOpen: boolean
  readonly onDone: () => void
}

const FORMER_HOURS = 24

function NewSecret({
  app,
  webhook,
  isOpen,
  onSecret,
  onDone,
}: DialogProps & Pick<CardProps, 'onSecret'>): ReactElement {
  const t = useTexts('webhooks')
  const renew = useNewSecret(app, webhook.id)
  const [hours, setHours] = useState(String(FORMER_HOURS))
  return (
    <Confirm
      isOpen={isOpen}
      title={t('secret.new.title')}
      verb={t('secret.new.verb')}
      isPending={renew.isPending}
      error={renew.error}
      onConfirm={() =>
        renew.mutate(Number(hours), {
          onSuccess: made => {
            onSecret(made)
            onDone()
            window.scrollTo({ top: 0 })
          },
        })
      }
      onClose={onDone}
    >
      <Radio.Group label={t('secret.former')} value={hours} onChange={setHours}>
        <Stack gap="xs" mt="xs">
          <Radio value={String(FORMER_HOURS)} label={t('secret.former.day')} />
          <Radio value="0" label={t('secret.former.now')} />
        </Stack>
      </Radio.Group>
    </Confirm>
  )
}

function Deletion({ app, webhook, isOpen, onDone }: DialogProps): ReactElement {
  const t = useTexts('webhooks')
  const remove = useDeleteWebhook(app, webhook.id)
  return (
    <Confirm
      isOpen={isOpen}
      title={t('delete.title', { host: hostOf(webhook.url) })}
      verb={t('delete.verb')}
      isDangerous
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined, { onSuccess: onDone })}
      onClose={onDone}
    >
      <Text size="sm">{t('delete.body')}</Text>
    </Confirm>
  )
}
