/** Why one device did, or did not, get this message: leads to its diagnosis. */
import { Button, Group, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'

export interface AskOneDeviceProps {
  readonly app: string
  readonly messageId: string
}

export function AskOneDevice({ app, messageId }: AskOneDeviceProps): ReactElement {
  const t = useTexts('report')
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [isMissing, setMissing] = useState(false)
  const ask = (event: FormEvent): void => {
    event.preventDefault()
    const device = text.trim()
    if (!device) return setMissing(true)
    void navigate({ to: '/apps/$app/diagnosis', params: { app }, search: { device, message: messageId } })
  }
  return (
    <Panel title={t('one.title')}>
      <Text size="sm" c="dimmed" mb="sm">
        {t('one.about')}
      </Text>
      <form onSubmit={ask} noValidate>
        <Group gap="xs" align="flex-start">
          <TextInput
            aria-label={t('one.device')}
            placeholder={t('one.device')}
            value={text}
            flex="1 1 220px"
            maw={420}
            error={isMissing && t('one.missing')}
            onChange={event => {
              setText(event.currentTarget.value)
              setMissing(false)
            }}
          />
          <Button type="submit" variant="default">
            {t('one.ask')}
          </Button>
        </Group>
      </form>
    </Panel>
  )
}
