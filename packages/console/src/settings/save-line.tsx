/** The end of a form that is saved: its button, the way back to what was saved last, and that it is saved. */
import { Button, Group, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'

export interface SaveLineProps {
  readonly isDirty: boolean
  readonly isSaved: boolean
  readonly isPending: boolean
  readonly onDiscard: () => void
}

export function SaveLine({ isDirty, isSaved, isPending, onDiscard }: SaveLineProps): ReactElement {
  const t = useTexts('settings')
  return (
    <Group gap="xs">
      <Button type="submit" size="sm" disabled={!isDirty} loading={isPending}>
        {t('save')}
      </Button>
      {isDirty && (
        <Button size="sm" variant="subtle" color="gray" onClick={onDiscard}>
          {t('discard')}
        </Button>
      )}
      <Text size="sm" c="dimmed" role="status">
        {isSaved ? t('saved') : ''}
      </Text>
    </Group>
  )
}
