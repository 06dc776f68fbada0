/** The variants of a message beside one another, what has won and how sure that is, and the choice where people make it. */
import { Button, Group, Stack, Table, Text } from '@mantine/core'
import type { ExperimentView, MessageView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useMay } from '../session/session.tsx'
import { useChooseWinner } from './calls.ts'

export interface ExperimentPanelProps {
  readonly app: string
  readonly message: MessageView
  readonly experiment: ExperimentView
}

export function ExperimentPanel({ app, message, experiment }: ExperimentPanelProps): ReactElement {
  const t = useTexts('report')
  const { verdict, rest, control } = experiment
  const isOpen = message.state !== 'done' && message.state !== 'cancelled'
  const canChoose =
    useMay('send') && isOpen && rest !== null && (verdict === null || verdict.variant === null)
  return (
    <Panel title={t('experiment')}>
      <Stack gap="sm">
        <VariantTable app={app} message={message} experiment={experiment} canChoose={canChoose} />
        {control.percent > 0 && (
          <Text size="sm">
            {t('experiment.control', { percent: control.percent, count: control.skipped })}
          </Text>
        )}
        <Verdict experiment={experiment} />
      </Stack>
    </Panel>
  )
}

function Verdict({
  experiment: { verdict, rest, winner },
}: {
  readonly experiment: ExperimentView
}): ReactElement | null {
  const t = useTexts('report')
  const format = useFormat()
  if (verdict === null) {
    if (rest === null) return null
    return (
      <Text size="sm" c="dimmed">
        {winner?.afterSeconds === undefined
          ? t('experiment.byHand')
          : t('experiment.after', { duration: format.duration(winner.afterSeconds) })}
      </Text>
    )
  }
  const said =
    verdict.variant === null ? t('experiment.open') : t('experiment.won', { name: verdict.variant })
  return (
    <Text size="sm">
      <b>{said}</b> {t(`experiment.${verdict.finding}`)} {format.moment(verdict.decidedAt)}
    </Text>
  )
}

interface VariantTableProps extends ExperimentPanelProps {
  readonly canChoose: boolean
}

function VariantTable({ app, message, experiment, canChoose }: VariantTableProps): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const [chosen, setChosen] = useState<string>()
  const choose = useChooseWinner(app, message.id)
  const { variants, rest, verdict } = experiment
  const rows = [
    ...variants.map(it => ({ ...it, label: it.name, isVariant: true })),
    ...(rest ? [{ ...rest, name: '', label: t('experiment.rest'), isVariant: false }] : []),
  ]
  return (
    <>
      <Table.ScrollContainer minWidth={520} type="native" tabIndex={0}>
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('variant')}</Table.Th>
              {(['share', 'accepted', 'delivered', 'opened'] as const).map(each => (
                <Table.Th key={each} ta="right">
                  {t(`column.${each}`)}
                </Table.Th>
              ))}
              {canChoose && <Table.Th />}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ name, label, percent, accepted, delivered, opened, isVariant }) => (
              <Table.Tr key={label}>
                <Table.Th scope="row" fw={500}>
                  <Group gap={8}>
                    {label}
                    {isVariant && verdict?.variant === name && (
                      <StateBadge tone="good" label={t('experiment.winner')} />
                    )}
                  </Group>
                </Table.Th>
                <Table.Td ta="right">{format.percent(percent / 100)}</Table.Td>
                <Table.Td ta="right">{format.count(accepted)}</Table.Td>
                {[delivered, opened].map((count, at) => (
                  <Table.Td key={at === 0 ? 'delivered' : 'opened'} ta="right">
                    {format.count(count)}
                    {accepted > 0 && (
                      <Text span size="xs" c="dimmed" display="block">
                        {format.share(count, accepted)}
                      </Text>
                    )}
                  </Table.Td>
                ))}
                {canChoose && (
                  <Table.Td ta="right">
                    {isVariant && (
                      <Button size="xs" variant="default" onClick={() => setChosen(name)}>
                        {t('experiment.choose')}
                      </Button>
                    )}
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm
        isOpen={chosen !== undefined}
        title={t('experiment.choose.title', { name: chosen ?? '' })}
        verb={t('experiment.choose')}
        isPending={choose.isPending}
        error={choose.error}
        onConfirm={() =>
          chosen !== undefined && choose.mutate(chosen, { onSuccess: () => setChosen(undefined) })
        }
        onClose={() => {
          choose.reset()
          setChosen(undefined)
        }}
      >
        <Text size="sm">
          {t('experiment.choose.body', { share: format.percent((rest?.percent ?? 0) / 100) })}
        </Text>
      </Confirm>
    </>
  )
}
