/** Where events are sent and which; of a new webhook, or of one that is there. */
import { Button, Checkbox, Group, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { UnsavedGuard } from '../parts/unsaved.tsx'
import { useFaults } from '../parts/use-faults.ts'
import type { WebhookInput } from './calls.ts'
import { ALL_EVENTS, EVENT_GROUPS, faultOfUrl } from './events.ts'

export interface WebhookFormProps {
  /** What is there; a new one without it. */
  readonly stored?: WebhookInput
  readonly isPending: boolean
  readonly error: Error | null
  readonly onSend: (input: WebhookInput) => void
  readonly onClose: () => void
}

const FIELD_OF_CODE = { webhook_url_refused: 'url' }

export function WebhookForm({ stored, isPending, error, onSend, onClose }: WebhookFormProps): ReactElement {
  const t = useTexts('webhooks')
  const common = useTexts('common')
  const [url, setUrl] = useState(stored?.url ?? '')
  const [events, setEvents] = useState<readonly string[]>(stored?.events ?? ALL_EVENTS)
  const [isTried, setTried] = useState(false)
  const fault = faultOfUrl(url)
  const refused = useFaults(error, FIELD_OF_CODE)
  const isDirty = url !== (stored?.url ?? '') || events.length !== (stored?.events ?? ALL_EVENTS).length
  return (
    <form
      noValidate
      onSubmit={event => {
        event.preventDefault()
        setTried(true)
        if (!fault && events.length > 0) onSend({ url: url.trim(), events })
      }}
    >
      <UnsavedGuard isDirty={isDirty && !isPending} />
      <Stack gap="md" maw={760}>
        <TextInput
          label={t('form.url')}
          description={t('form.url.hint')}
          placeholder="https://example.com/roost"
          inputMode="url"
          value={url}
          error={isTried && fault ? t(`form.url.${fault}`) : refused.url}
          onChange={event => setUrl(event.currentTarget.value)}
        />
        <Checkbox.Group
          label={t('form.events')}
          value={[...events]}
          error={isTried && events.length === 0 && t('form.events.none')}
          onChange={setEvents}
        >
          <SimpleGrid cols={{ base: 1, sm: 2 }} mt="xs">
            {EVENT_GROUPS.map(group => (
              <Stack key={group.name} gap={6}>
                <Text size="sm" fw={600}>
                  {t(`group.${group.name}`)}
                </Text>
                {group.events.map(each => (
                  <Checkbox key={each} size="sm" value={each} label={t(`event.${each}`)} />
                ))}
              </Stack>
            ))}
          </SimpleGrid>
        </Checkbox.Group>
        {error && !refused.url && <Problem error={error} title={t('form.failed')} />}
        <Group gap="xs">
          <Button type="submit" loading={isPending}>
            {stored ? common('save') : t('form.add')}
          </Button>
          <Button variant="default" onClick={onClose}>
            {common('cancel')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
