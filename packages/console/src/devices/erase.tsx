/** Erasing what is held of a device or a person: named, counted, and handed out first if that is wanted. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { ErasureTarget } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Loaded } from '../parts/page.tsx'
import { saveFile } from '../parts/save-file.ts'
import { useErase, usePersonalData } from './calls.ts'
import { heldOf } from './held.ts'

export interface EraseProps {
  readonly app: string
  readonly target: ErasureTarget
  readonly onErased: () => void
  readonly onClose: () => void
}

export function EraseConfirm({ app, target, onErased, onClose }: EraseProps): ReactElement {
  const t = useTexts('device')
  const format = useFormat()
  const held = usePersonalData(app, target)
  const erase = useErase(app)
  const [name, subject] = 'hwid' in target ? [target.hwid, 'device'] : [target.userId, 'user']
  return (
    <Confirm
      isOpen
      isDangerous
      title={t('erase.title', { subject, name })}
      verb={t('erase.verb')}
      isPending={erase.isPending}
      error={erase.error}
      onConfirm={() => erase.mutate(target, { onSuccess: onErased })}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Text size="sm">{t('erase.about')}</Text>
        <Loaded query={held} lines={3}>
          {data => (
            <>
              <ul style={{ margin: 0, paddingInlineStart: '1.2em' }}>
                {heldOf(data).map(({ kind, rows }) => (
                  <li key={kind}>
                    <Text size="sm">{`${t(`held.${kind}`)}: ${format.count(rows)}`}</Text>
                  </li>
                ))}
              </ul>
              <Group>
                <Button variant="default" size="xs" onClick={() => savePersonalData(name, data)}>
                  {t('export')}
                </Button>
              </Group>
            </>
          )}
        </Loaded>
      </Stack>
    </Confirm>
  )
}

export function savePersonalData(name: string, data: object): void {
  const json = new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' })
  saveFile(`personal-data-${name.replace(/[^\w.-]+/g, '_')}.json`, json)
}
