/** One's own account: the password, where one is signed in, and the second factor. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { useSession } from '../session/session.tsx'
import { PasswordPanel } from './password.tsx'
import { Rename } from './rename.tsx'
import { SecondFactorPanel } from './second-factor.tsx'
import { SessionsPanel } from './sessions.tsx'

export function AccountPage(): ReactElement {
  const t = useTexts('access')
  const format = useFormat()
  const common = useTexts('common')
  const { me } = useSession()
  const [isRenaming, setRenaming] = useState(false)
  return (
    <>
      <PageHead title={t('account.title')} />
      {me.person ? (
        <Stack gap="md">
          <Panel title={t('account.person')}>
            <Facts>
              <Fact name={t('account.name')}>
                <Group gap={8}>
                  {me.person.name}
                  <Button size="compact-xs" variant="default" onClick={() => setRenaming(true)}>
                    {common('rename.verb')}
                  </Button>
                </Group>
              </Fact>
              <Fact name={t('account.since')}>{format.day(me.person.createdAt)}</Fact>
            </Facts>
          </Panel>
          {isRenaming && (
            <Rename name={me.person.name} path="v1/me" touches={['']} onDone={() => setRenaming(false)} />
          )}
          <PasswordPanel />
          <SecondFactorPanel isOn={me.person.hasSecondFactor} recoveryCodes={me.person.recoveryCodes} />
          <SessionsPanel />
        </Stack>
      ) : (
        <Panel>
          <Text size="sm">{t('account.asToken', { name: me.token?.name ?? '' })}</Text>
        </Panel>
      )}
    </>
  )
}
