/** Links that invite people: made with a role, shown once, listed until they are taken or too old. */
import { Button, CopyButton, Group, Radio, Stack, Text, TextInput } from '@mantine/core'
import type { MemberInvitationView, PersonRole } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Id } from '../parts/id.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { type MadeInvitation, useInvitations, useInvite, useWithdraw } from './calls.ts'
import type { Place } from './place.tsx'
import { ROLES } from './roles.ts'
import { serverUrl } from './server-url.ts'

export interface InviteFormProps {
  readonly place: Place
  readonly onDone: () => void
}

export function InviteForm({ place, onDone }: InviteFormProps): ReactElement {
  const t = useTexts('people')
  const common = useTexts('common')
  const [role, setRole] = useState<PersonRole>('viewer')
  const [note, setNote] = useState('')
  const invite = useInvite(place)
  if (invite.data) return <MadeLink place={place} invitation={invite.data} onDone={onDone} />
  return (
    <Panel title={t('invite.title', { place: place.name })}>
      <form
        onSubmit={event => {
          event.preventDefault()
          invite.mutate({ role, ...(note.trim() && { note: note.trim() }) })
        }}
      >
        <Stack gap="md" maw={560}>
          {invite.error && <Problem error={invite.error} title={t('invite.failed')} />}
          <Radio.Group
            label={t('invite.role')}
            value={role}
            onChange={value => setRole(ROLES.find(each => each === value) ?? role)}
          >
            <Stack gap="xs" mt={6}>
              {ROLES.map(each => (
                <Radio
                  key={each}
                  value={each}
                  label={t(`role.${each}`)}
                  description={t(`role.${each}.about`)}
                />
              ))}
            </Stack>
          </Radio.Group>
          <TextInput
            label={common('optional', { label: t('invite.note') })}
            description={t('invite.note.hint')}
            maxLength={128}
            value={note}
            onChange={event => setNote(event.currentTarget.value)}
          />
          <Group gap="xs">
            <Button type="submit" size="sm" loading={invite.isPending}>
              {t('invite.submit')}
            </Button>
            <Button size="sm" variant="default" onClick={onDone}>
              {common('cancel')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  )
}

interface MadeLinkProps extends InviteFormProps {
  readonly invitation: MadeInvitation
}

/** The link begins where this browser found the server: behind a proxy, the server may not know that. */
function MadeLink({ place, invitation, onDone }: MadeLinkProps): ReactElement {
  const t = useTexts('people')
  const common = useTexts('common')
  const format = useFormat()
  const { role, code, expiresAt } = invitation
  const link = `${serverUrl()}#join=${code}`
  return (
    <Panel title={t('invite.made')}>
      <Stack gap="md" align="flex-start" role="status">
        <Text size="sm">
          {t('invite.made.body', { role, place: place.name, moment: format.moment(expiresAt) })}
        </Text>
        <Id value={link} />
        <Group gap="xs">
          <CopyButton value={link}>
            {({ copied, copy }) => (
              <Button size="sm" onClick={copy}>
                {copied ? common('copied') : t('invite.copy')}
              </Button>
            )}
          </CopyButton>
          <Button size="sm" variant="default" onClick={onDone}>
            {t('invite.kept')}
          </Button>
        </Group>
      </Stack>
    </Panel>
  )
}

export function InvitationsPanel({ place }: { readonly place: Place }): ReactElement {
  const t = useTexts('people')
  const invitations = useInvitations(place)
  const [asked, setAsked] = useState<MemberInvitationView>()
  const columns = useColumns(setAsked)
  return (
    <Panel title={t('open.title')}>
      <Loaded query={invitations} lines={2}>
        {found =>
          found.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('open.none')}
            </Text>
          ) : (
            <DataTable label={t('open.title')} columns={columns} rows={found} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
      {asked && <Withdrawal place={place} invitation={asked} onDone={() => setAsked(undefined)} />}
    </Panel>
  )
}

function useColumns(ask: (asked: MemberInvitationView) => void): readonly Column<MemberInvitationView>[] {
  const t = useTexts('people')
  const format = useFormat()
  const nameOf = ({ note }: MemberInvitationView): string => note ?? t('open.unnamed')
  return [
    { key: 'for', title: t('open.for'), width: 'minmax(0, 1.4fr)', cell: nameOf },
    { key: 'role', title: t('members.role'), cell: ({ role }) => t(`role.${role}`) },
    { key: 'by', title: t('open.by'), cell: ({ invitedBy }) => invitedBy },
    { key: 'until', title: t('open.until'), cell: ({ expiresAt }) => format.day(expiresAt) },
    {
      key: 'actions',
      title: t('members.actions'),
      isNumber: true,
      width: '130px',
      cell: invitation => (
        <Button
          size="compact-sm"
          variant="subtle"
          color="red"
          aria-label={t('open.withdrawOf', { name: nameOf(invitation) })}
          onClick={() => ask(invitation)}
        >
          {t('open.withdraw')}
        </Button>
      ),
    },
  ]
}

interface WithdrawalProps extends InviteFormProps {
  readonly invitation: MemberInvitationView
}

function Withdrawal({ place, invitation, onDone }: WithdrawalProps): ReactElement {
  const t = useTexts('people')
  const withdraw = useWithdraw(place)
  return (
    <Confirm
      isOpen
      isDangerous
      title={t('open.withdrawTitle')}
      verb={t('open.withdraw')}
      isPending={withdraw.isPending}
      error={withdraw.error}
      onConfirm={() => withdraw.mutate(invitation.id, { onSuccess: onDone })}
      onClose={onDone}
    >
      <Text size="sm">{t('open.withdrawBody', { name: invitation.note ?? t('open.unnamed') })}</Text>
    </Confirm>
  )
}
