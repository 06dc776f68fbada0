/** The webhooks of an app: where events go, whether they are taken, and what was missed. */
import { Alert, Button, Stack, Text } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { useLive } from '../live/live.tsx'
import { useRefreshOn } from '../live/use-refresh.ts'
import { Id } from '../parts/id.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { type MadeWebhook, useAddWebhook, useWebhooks } from './calls.ts'
import { WebhookCard } from './card.tsx'
import { WebhookForm } from './form.tsx'

export function WebhooksPage(): ReactElement {
  const t = useTexts('webhooks')
  const app = useAppCode()
  const mayManage = useMay('manage')
  const query = useWebhooks(app)
  const add = useAddWebhook(app)
  const [isAdding, setAdding] = useState(false)
  const [made, setMade] = useState<MadeWebhook>()
  useDeliveryRuns(app)
  const addButton = mayManage && !isAdding && (
    <Button size="sm" onClick={() => setAdding(true)}>
      {t('add')}
    </Button>
  )
  return (
    <>
      <PageHead title={t('title')} about={t('about')}>
        <ReadOnlyMark right="manage" />
        {(query.data?.length ?? 0) > 0 && addButton}
      </PageHead>
      <Stack gap="md">
        {made && <Secret made={made} onDone={() => setMade(undefined)} />}
        {isAdding && (
          <Panel title={t('add')}>
            <WebhookForm
              isPending={add.isPending}
              error={add.error}
              onSend={input =>
                add.mutate(input, {
                  onSuccess: added => {
                    setMade(added)
                    setAdding(false)
                  },
                })
              }
              onClose={() => {
                add.reset()
                setAdding(false)
              }}
            />
          </Panel>
        )}
        <Loaded query={query}>
          {webhooks =>
            webhooks.length === 0 && !isAdding ? (
              <Panel>
                <Empty title={t('none.title')} action={addButton}>
                  {t('none.body')}
                </Empty>
              </Panel>
            ) : (
              webhooks.map(each => <WebhookCard key={each.id} app={app} webhook={each} onSecret={setMade} />)
            )
          }
        </Loaded>
      </Stack>
    </>
  )
}

/** When the job that delivers has done something, what became of deliveries is another. */
function useDeliveryRuns(app: string): void {
  const live = useLive()
  const run = live?.jobs.find(({ name }) => name === 'webhook-delivery')
  // before its first run there is none in the picture, and that run is news, too
  useRefreshOn(live && `${run?.startedAt} ${run?.finishedAt}`, [app, 'webhooks'])
}

function Secret({ made, onDone }: { readonly made: MadeWebhook; readonly onDone: () => void }): ReactElement {
  const t = useTexts('webhooks')
  const common = useTexts('common')
  return (
    <Alert
      color="teal"
      variant="light"
      title={t('secret.title')}
      withCloseButton
      closeButtonLabel={common('close')}
      onClose={onDone}
      role="status"
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t('secret.body')}</Text>
        <Id value={made.secret} />
      </Stack>
    </Alert>
  )
}
