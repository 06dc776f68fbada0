/** The set-up guide: what is done, what comes next and what is wrong, platform by platform, while devices come in. */
import { Button, Code, CopyButton, Group, SegmentedControl, Stack, Text } from '@mantine/core'
import type { GuidePlatform, GuideStep, Right } from '@roost/protocol'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import type { HealthWords } from '../credentials/health.ts'
import { HealthLines } from '../credentials/health-lines.tsx'
import { useHealthWords } from '../credentials/use-health.ts'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useMay } from '../session/session.tsx'
import { useGuide } from './calls.ts'
import css from './guide.module.css'
import { doneOf, isBegun, type PlatformGuide, platformToShow } from './platform.ts'
import { snippetFor } from './snippets.ts'

const route = getRouteApi('/apps/$app/guide')

export function GuidePage(): ReactElement {
  const t = useTexts('guide')
  const { app } = route.useParams()
  const { platform: asked } = route.useSearch()
  const query = useGuide(app)
  return (
    <>
      <PageHead title={t('title')} about={t('about')} />
      <Loaded query={query} lines={10}>
        {({ platforms }) => {
          const chosen =
            platforms.find(({ platform }) => platform === asked)?.platform ?? platformToShow(platforms)
          const guide = platforms.find(({ platform }) => platform === chosen)
          return (
            <Stack gap="md">
              <Platforms app={app} platforms={platforms} chosen={chosen} />
              {!platforms.some(isBegun) && (
                <Text size="sm" c="dimmed">
                  {t('fresh')}
                </Text>
              )}
              {guide && <Steps app={app} guide={guide} />}
            </Stack>
          )
        }}
      </Loaded>
    </>
  )
}

interface PlatformsProps {
  readonly app: string
  readonly platforms: readonly PlatformGuide[]
  readonly chosen: GuidePlatform
}

function Platforms({ app, platforms, chosen }: PlatformsProps): ReactElement {
  const t = useTexts('guide')
  const looks = useDeviceLooks()
  const navigate = useNavigate()
  return (
    <Group>
      <SegmentedControl
        aria-label={t('platform')}
        value={chosen}
        onChange={platform =>
          void navigate({ to: '/apps/$app/guide', params: { app }, search: { platform }, replace: true })
        }
        data={platforms.map(each => ({
          value: each.platform,
          label: t('platform.progress', { platform: looks.platform(each.platform), ...doneOf(each) }),
        }))}
      />
    </Group>
  )
}

function Steps({ app, guide }: { readonly app: string; readonly guide: PlatformGuide }): ReactElement {
  const t = useTexts('guide')
  return (
    <Panel
      title={t('steps')}
      aside={
        <Text size="sm" c="dimmed" aria-live="polite">
          {t('progress', { ...doneOf(guide) })}
        </Text>
      }
    >
      <ol className={css.steps}>
        {guide.steps.map((step, at) => (
          <Step key={step.step} app={app} guide={guide} step={step} number={at + 1} />
        ))}
      </ol>
    </Panel>
  )
}

interface StepProps {
  readonly app: string
  readonly guide: PlatformGuide
  readonly step: GuideStep
  readonly number: number
}

const MARKS: Readonly<Record<GuideStep['state'], string | undefined>> = {
  done: '✓',
  trouble: '!',
  open: undefined,
}

/** A credential's is said in the reader's language; others are the server's words. */
function Trouble({ step: { step, code, detail, remedy, values } }: Pick<StepProps, 'step'>): ReactElement {
  const isOfCredential = step === 'credential' && code !== null
  const say = useHealthWords({ isNeeded: isOfCredential })
  const told = { message: detail ?? '', remedy: remedy ?? '' }
  const words: HealthWords | undefined = isOfCredential
    ? say({ ...told, code, ...(values && { values }) })
    : { what: told.message, remedy: told.remedy, lang: 'en' }
  return <HealthLines words={words} />
}

function Step({ app, guide, step, number }: StepProps): ReactElement {
  const t = useTexts('guide')
  const format = useFormat()
  const { state, since } = step
  return (
    <li className={css.step} data-state={state} data-step={step.step}>
      <span className={css.mark} aria-hidden>
        {MARKS[state] ?? number}
      </span>
      <Stack gap={6} className={css.body ?? ''}>
        <Group gap="xs">
          <Text fw={600}>{t(`step.${step.step}`)}</Text>
          <Text size="sm" c={state === 'trouble' ? 'red' : 'dimmed'}>
            {state === 'done' && since !== null
              ? t('done.since', { day: format.day(since) })
              : t(`state.${state}`)}
          </Text>
        </Group>
        {state !== 'done' && (
          <Text size="sm" c="dimmed" maw={720}>
            {t.known(`step.${step.step}.${guide.platform}`) ?? t(`step.${step.step}.about`)}
          </Text>
        )}
        {state === 'done' && step.step === 'credential' && guide.platform === 'web' && (
          <Text size="sm" c="dimmed" maw={720}>
            {t('done.credential.web')}
          </Text>
        )}
        {state === 'trouble' && <Trouble step={step} />}
        {step.step === 'device' && (
          <SnippetOf app={app} platform={guide.platform} isOpen={state !== 'done'} />
        )}
        {state !== 'done' && <StepButton app={app} step={step} />}
      </Stack>
    </li>
  )
}

/** Where each step is done, and who may. */
const NEEDS: Readonly<Partial<Record<GuideStep['step'], Right>>> = {
  credential: 'manage',
  accepted: 'send',
  test_device: 'devices',
}

function StepButton({ app, step }: Pick<StepProps, 'app' | 'step'>): ReactElement | null {
  const t = useTexts('guide')
  const need = NEEDS[step.step]
  const may = useMay(need ?? 'read')
  if (!may)
    return (
      <Text size="sm" c="dimmed">
        {t('ask')}
      </Text>
    )
  const look = { size: 'xs', variant: 'default', w: 'fit-content' } as const
  if (step.step === 'credential')
    return (
      <ButtonLink {...look} to="/apps/$app/credentials" params={{ app }}>
        {t('go.credentials')}
      </ButtonLink>
    )
  if (step.step === 'accepted')
    return (
      <ButtonLink {...look} to="/apps/$app/messages/new" params={{ app }}>
        {t('go.message')}
      </ButtonLink>
    )
  if (step.step === 'test_device')
    return (
      <ButtonLink {...look} to="/apps/$app/test-devices" params={{ app }}>
        {t('go.testDevices')}
      </ButtonLink>
    )
  return null
}

interface SnippetProps {
  readonly app: string
  readonly platform: GuidePlatform
  readonly isOpen: boolean
}

function SnippetOf({ app, platform, isOpen }: SnippetProps): ReactElement {
  const t = useTexts('guide')
  const common = useTexts('common')
  const { language, code } = snippetFor(platform, { baseUrl: document.baseURI.replace(/[#?].*$/, ''), app })
  return (
    <details className={css.snippet} open={isOpen}>
      <summary>{t('snippet', { language })}</summary>
      <Group gap="xs" my="xs" justify="space-between">
        <Text size="sm" c="dimmed">
          {t.rich<ReactElement>('snippet.token', { code: chunks => <Code key="code">{chunks}</Code> })}
        </Text>
        <CopyButton value={code}>
          {({ copied, copy }) => (
            <Button size="compact-sm" variant="default" onClick={copy}>
              <span aria-live="polite">{copied ? common('copied') : common('copy')}</span>
            </Button>
          )}
        </CopyButton>
      </Group>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <pre className={css.code} tabIndex={0}>
        {code}
      </pre>
    </details>
  )
}
