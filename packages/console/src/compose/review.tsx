/**
 * Before it is sent: what would become of it, what is wrong and how it is mended, how many get it, and then the button that
 * says so. What stands here was looked at by the server for exactly what will be sent.
 */
import { Alert, Badge, Button, Group, List, Modal, Stack, Text } from '@mantine/core'
import type { PreflightView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { ApiProblem } from '../api/client.ts'
import { useDeviceLooks } from '../devices/looks.ts'
import { Told } from '../diagnosis/told.tsx'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { usePreflight } from './calls.ts'
import css from './compose.module.css'
import type { Draft } from './draft.ts'
import { type Fates, fatesOf } from './fates.ts'
import { type Prospect, prospectOf } from './prospect.ts'
import { useReason } from './reason.ts'
import { Remarks } from './remark-list.tsx'
import { placeOf } from './remark-place.ts'
import type { Asked } from './request.ts'
import { instantOf } from './request.ts'
import { useRulesTold } from './rules.tsx'
import { SendProblem } from './send-problem.tsx'

export interface ReviewProps {
  readonly app: string
  readonly draft: Draft
  readonly asked: Asked
  readonly isSending: boolean
  readonly error: Error | null
  readonly onSend: () => void
  /** It takes the place of what is scheduled. */
  readonly isEdit: boolean
  /** What was sent once is to be sent again as something else. */
  readonly onAnew: () => void
  /** It is saved whatever somebody else has changed meanwhile. */
  readonly onOverwrite: () => void
  /** What was written is given up for what somebody else has saved. */
  readonly onReread: () => void
  /** To the field in which something is wrong. */
  readonly onPlace: (place: string) => void
  readonly onClose: () => void
}

export function Review(props: ReviewProps): ReactElement {
  const t = useTexts('compose')
  const common = useTexts('common')
  return (
    <Modal
      opened
      onClose={props.onClose}
      size="lg"
      title={t('review')}
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <Preflight {...props} />
    </Modal>
  )
}

function Preflight(props: ReviewProps): ReactElement {
  const t = useTexts('compose')
  const query = usePreflight(props.app, props.asked.message)
  const { data, error, isFetching } = query
  if (isFetching && !data)
    return (
      <Stack gap="sm">
        <Text size="sm" c="dimmed" role="status">
          {t('review.looking')}
        </Text>
        <Waiting lines={6} />
      </Stack>
    )
  if (error) return <Problem error={error} onRetry={() => void query.refetch()} title={t('review.failed')} />
  if (!data) return <Waiting lines={6} />
  return <Looked {...props} found={data} />
}

interface LookedProps extends ReviewProps {
  readonly found: PreflightView
}

function Looked(props: LookedProps): ReactElement {
  const { found, draft } = props
  const { dryRun, refusal } = found
  if (refusal !== null || dryRun === null) return <Refused {...props} refusal={refusal} />
  const fates = fatesOf(dryRun.sample)
  const prospect = prospectOf({ reach: dryRun.reach, errorPercent: dryRun.errorPercent, fates, draft })
  return (
    <Stack gap="md">
      <Losses fates={fates} />
      <WhatHappens {...props} prospect={prospect} />
      <Numbers found={found} dryRun={dryRun} fates={fates} />
      <Findings found={found} />
      <Sending {...props} prospect={prospect} />
    </Stack>
  )
}

/** What keeps it from being sent, and the way there: nothing can be sent from here. */
function Refused({
  found,
  refusal,
  draft,
  onPlace,
  onClose,
}: LookedProps & { readonly refusal: PreflightView['refusal'] }): ReactElement {
  const t = useTexts('compose')
  const variants = draft.experiment.isOn ? draft.experiment.variants.map(it => it.name.trim()) : []
  const remarks = refusal?.remarks ?? []
  const [first] = remarks.flatMap(it => placeOf(it, variants) ?? [])
  return (
    <Stack gap="md">
      {remarks.length > 0 ? (
        <Alert color="red" variant="light" title={t('review.refused')} role="alert">
          <Remarks remarks={remarks} />
        </Alert>
      ) : (
        <>
          {refusal && (
            <Problem
              error={new ApiProblem({ ...refusal, status: 400, requestId: undefined })}
              title={t('review.refused')}
            />
          )}
          <Findings found={found} />
        </>
      )}
      <Group justify="flex-end" gap="xs">
        <Button
          data-autofocus
          onClick={() => {
            if (first === undefined) onClose()
            else onPlace(first)
          }}
        >
          {t(first === undefined ? 'review.back' : 'review.toField')}
        </Button>
      </Group>
    </Stack>
  )
}

/** Before the numbers: those of the audience say nothing of what its content does to it. */
function Losses({ fates }: { readonly fates: Fates }): ReactElement | null {
  const t = useTexts('compose')
  const reasonOf = useReason()
  const { looked, lost, sent, deferred, reasons } = fates
  if (lost === 0) return null
  const isNobody = sent + deferred === 0
  return (
    <Alert
      color={isNobody ? 'red' : 'orange'}
      variant="light"
      title={isNobody ? t('review.nobody') : t('review.some', { lost, count: looked })}
    >
      {reasons.map(({ reason, count }) => (
        <Text size="sm" key={reason}>
          {t('review.reason', { count, reason: reasonOf(reason) })}
        </Text>
      ))}
      {reasons.some(({ reason }) => reason.startsWith('variable_missing')) && (
        <Text size="sm" fw={600}>
          {t('reason.variable_missing.remedy')}
        </Text>
      )}
    </Alert>
  )
}

/** In sentences: to how many, when, how fast, by which rules. */
function WhatHappens({
  app,
  draft,
  found,
  prospect,
}: LookedProps & { readonly prospect: Prospect }): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const rules = useRulesTold(app, draft)
  const reach = found.dryRun?.reach
  const rate = Number(draft.delivery.sendRate)
  return (
    <div>
      {draft.when.kind !== 'event' && (
        <div className={css.number}>{t(`size.${prospect.size}`, { count: prospect.count })}</div>
      )}
      <List size="sm" spacing={2} mt="xs">
        <List.Item>{useWhenTold(draft)}</List.Item>
        {rate > 0 && reach && (
          <List.Item>
            {t('review.rate', {
              count: rate,
              duration: format.duration(Math.max(1, Math.ceil(reach.permitted / rate))),
            })}
          </List.Item>
        )}
        {rules.map(rule => (
          <List.Item key={rule}>{rule}</List.Item>
        ))}
        {draft.experiment.isOn && (
          <List.Item>{t('experiment.told', { count: draft.experiment.variants.length })}</List.Item>
        )}
        {draft.content.languages.length > 0 && (
          <List.Item>{t('review.languages', { count: draft.content.languages.length + 1 })}</List.Item>
        )}
        {draft.inbox.mode === 'only' && <List.Item>{t('review.inboxOnly')}</List.Item>}
      </List>
    </div>
  )
}

function useWhenTold({ when }: Draft): string {
  const t = useTexts('compose')
  const format = useFormat()
  const instant = instantOf(when.at)
  switch (when.kind) {
    case 'now':
      return t('review.now')
    case 'at':
      return t('review.at', { moment: instant ? format.moment(instant) : '' })
    case 'local':
      return t('review.local', { moment: when.localAt.replace('T', ' ') })
    case 'best':
      return t('review.best', { moment: instant ? format.moment(instant) : t('when.now') })
    case 'cron':
      return t('review.cron', { name: when.name, cron: when.cron })
    case 'event':
      return t('review.event', { event: when.event })
  }
}

interface NumbersProps {
  readonly found: PreflightView
  readonly dryRun: NonNullable<PreflightView['dryRun']>
  readonly fates: Fates
}

/** Told with its reasons above. */
const TOLD_ABOVE: ReadonlySet<string> = new Set(['sample_lost'])

function Numbers({ found, dryRun, fates }: NumbersProps): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const looks = useDeviceLooks()
  const { reach, sample, remarks } = dryRun
  const places = found.places.map(
    ({ gateway, environment, devices }) =>
      `${looks.gateway(gateway)}${environment ? ` ${environment}` : ''} ${format.count(devices)}`,
  )
  const steps = [
    ['devices', reach.devices],
    ['withAddress', reach.withAddress],
    ['valid', reach.valid],
    ['permitted', reach.permitted],
  ] as const
  return (
    <div>
      <table style={{ width: '100%', fontSize: 14, borderCollapse: 'collapse' }}>
        <caption style={{ textAlign: 'start', fontWeight: 600, paddingBottom: 4 }}>
          {t('review.reach')}
        </caption>
        <tbody>
          {steps.map(([name, count]) => (
            <tr key={name}>
              <th scope="row" style={{ textAlign: 'start', fontWeight: 400, padding: '2px 0' }}>
                {t(`reach.${name}`)}
              </th>
              <td style={{ textAlign: 'end' }}>{format.count(count)}</td>
              <td style={{ textAlign: 'end', width: 90, color: 'var(--mantine-color-dimmed)' }}>
                {format.share(count, reach.devices)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {sample.length > 0 && (
        <Text size="sm" mt="xs">
          {t('review.sample', {
            count: fates.looked,
            sent: fates.sent,
            deferred: fates.deferred,
            lost: fates.lost,
          })}
        </Text>
      )}
      {places.length > 0 && (
        <Text size="sm" c="dimmed">
          {t('review.places', { count: found.looked, places: format.list(places) })}
        </Text>
      )}
      <Remarks remarks={remarks.filter(it => !TOLD_ABOVE.has(it.code))} />
    </div>
  )
}

const COLORS = { blocks: 'red', delays: 'yellow', mutes: 'yellow', warns: 'gray' } as const

/** Each with what mends it, and how many of those that were looked at have it. */
function Findings({ found }: { readonly found: PreflightView }): ReactElement | null {
  const t = useTexts('compose')
  const { findings, looked } = found
  if (findings.length === 0)
    return found.refusal ? null : (
      <Alert color="teal" variant="light" role="status">
        {t('review.fine', { count: looked })}
      </Alert>
    )
  return (
    <Stack gap="xs">
      <Text fw={600}>{t('review.findings', { count: findings.length })}</Text>
      {findings.map(finding => (
        <div className={css.finding} key={`${finding.rule} ${finding.title} ${finding.example}`}>
          <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
            <Text size="sm" fw={600}>
              {finding.title}
            </Text>
            <Badge variant="light" color={COLORS[finding.effect]} tt="none" style={{ flex: 'none' }}>
              {t(`effect.${finding.effect}`)}
            </Badge>
          </Group>
          <Text size="sm">
            <Told pieces={finding.pieces} />
          </Text>
          {finding.devices !== null && finding.of !== null && finding.among !== null && (
            <Text size="xs" c="dimmed">
              {t(`review.of.${finding.among}`, { count: finding.devices, of: finding.of })}
            </Text>
          )}
          <ul>
            {finding.remedy.steps.map(({ key, text }) => (
              <li key={key}>
                <Text size="sm" span>
                  {text}
                </Text>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </Stack>
  )
}

function Sending(props: LookedProps & { readonly prospect: Prospect }): ReactElement {
  const t = useTexts('compose')
  const common = useTexts('common')
  const { asked, error, isSending, isEdit, prospect, onSend, onAnew, onOverwrite, onReread, onClose } = props
  const { isNobody, count } = prospect
  const code = error instanceof ApiProblem ? error.body.code : undefined
  const isLater = props.draft.when.kind !== 'now'
  const words =
    asked.kind === 'message' ? t(verbOf(prospect, { isLater, isEdit }), { count }) : t(`send.${asked.kind}`)
  return (
    <>
      {error && <SendProblem error={error} title={t('send.failed')} />}
      {isNobody && (
        <Text size="sm" fw={600}>
          {t(isLater || asked.kind !== 'message' ? 'send.nobodyYet' : 'send.nobody')}
        </Text>
      )}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          {common('cancel')}
        </Button>
        {code === 'idempotency_key_reused' ? (
          <Button onClick={onAnew}>{t('send.anew')}</Button>
        ) : code === 'changed_meanwhile' ? (
          <>
            <Button variant="default" onClick={onReread}>
              {t('edit.reread')}
            </Button>
            <Button color="red" loading={isSending} onClick={onOverwrite}>
              {t('edit.overwrite')}
            </Button>
          </>
        ) : (
          !(isNobody && !isLater && asked.kind === 'message') && (
            <Button loading={isSending} onClick={onSend}>
              {words}
            </Button>
          )
        )}
      </Group>
    </>
  )
}

function verbOf(
  { verb }: Prospect,
  { isLater, isEdit }: { readonly isLater: boolean; readonly isEdit: boolean },
) {
  if (verb === 'inbox') return 'send.inbox'
  if (verb === 'push') return isLater ? (isEdit ? 'send.edit' : 'send.later') : 'send.now'
  return isLater ? (`send.${verb}.later` as const) : (`send.${verb}` as const)
}
