/** Makes an app, and shows once what its mobile or web application needs. */
import { Button, Group, List, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Id } from '../parts/id.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Empty, PageHead, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useFormFaults } from '../parts/use-faults.ts'
import { useMay } from '../session/session.tsx'
import { type MadeApp, useMakeApp } from './calls.ts'

export function NewAppPage(): ReactElement {
  const t = useTexts('apps')
  const common = useTexts('common')
  if (useMay('manage', null)) return <NewApp />
  return (
    <>
      <PageHead title={t('make.title')} />
      <Panel>
        <Empty
          title={t('make.cannot')}
          action={<ButtonLink to="/apps">{common('app.unknown.go')}</ButtonLink>}
        >
          {t('make.ask')}
        </Empty>
      </Panel>
    </>
  )
}

function NewApp(): ReactElement {
  const t = useTexts('apps')
  const make = useMakeApp()
  const form = useForm({
    initialValues: { name: '' },
    validate: { name: name => (name.trim() === '' ? t('make.missing') : null) },
  })
  const isAtFields = useFormFaults(form, make.error)
  if (make.data) return <Made app={make.data} />
  const submit = form.onSubmit(({ name }) => make.mutate(name.trim()))
  return (
    <>
      <PageHead title={t('make.title')} about={t('none.body')} />
      <Panel>
        <form onSubmit={submit} noValidate>
          <Stack gap="md" maw={440} align="flex-start">
            {make.error && !isAtFields && <Problem error={make.error} title={t('make.failed')} />}
            <TextInput
              w="100%"
              label={t('make.name')}
              description={t('make.nameHint')}
              {...form.getInputProps('name')}
            />
            <Button type="submit" loading={make.isPending}>
              {t('make.submit')}
            </Button>
          </Stack>
        </form>
      </Panel>
    </>
  )
}

function Made({ app }: { readonly app: MadeApp }): ReactElement {
  const common = useTexts('common')
  const t = useTexts('apps')
  return (
    <>
      <PageHead title={t('made.title', { name: app.name })} />
      <Stack gap="md">
        <Panel>
          <Stack gap="md" align="flex-start">
            <Text size="sm">{t('made.about')}</Text>
            <div>
              <Text size="xs" c="dimmed">
                {t('made.code')}
              </Text>
              <Id value={app.code} />
            </div>
            <div>
              <Text size="xs" c="dimmed">
                {t('made.token')}
              </Text>
              <Id value={app.deviceToken} />
            </div>
          </Stack>
        </Panel>
        <Panel title={t('next.title')}>
          <List type="ordered" spacing="xs" size="sm" mb="md">
            <List.Item>{t('next.credential')}</List.Item>
            <List.Item>{t('next.app')}</List.Item>
            <List.Item>{t('next.message')}</List.Item>
          </List>
          <Group gap="xs">
            <ButtonLink to="/apps/$app/credentials" params={{ app: app.code }}>
              {t('next.credential.do')}
            </ButtonLink>
            <ButtonLink to="/apps/$app/guide" params={{ app: app.code }} variant="default">
              {common('page.guide')}
            </ButtonLink>
            <ButtonLink to="/apps/$app" params={{ app: app.code }} variant="default">
              {t('made.open')}
            </ButtonLink>
          </Group>
        </Panel>
      </Stack>
    </>
  )
}
