/** What each finding does to a message, who can mend it by which steps, and what shows that it is mended. */
import type { Effect, Mender, NextTest } from '@roost/protocol'
import type { MessageKey, StepKey } from './texts/texts.ts'

export interface Remedy {
  readonly effect: Effect
  readonly who: Mender
  readonly steps: readonly StepKey[]
  readonly nextTest: NextTest | null
}

type Mend = (nextTest: NextTest | null, ...steps: readonly StepKey[]) => Omit<Remedy, 'effect'>

const by =
  (who: Mender): Mend =>
  (nextTest, ...steps) => ({ who, steps, nextTest })

const operator = by('operator')
const developer = by('developer')
const user = by('user')
const nobody = by('nobody')

const having =
  (effect: Effect) =>
  (remedy: Omit<Remedy, 'effect'>): Remedy => ({ effect, ...remedy })

const blocks = having('blocks')
const delays = having('delays')
const mutes = having('mutes')
const warns = having('warns')

export const REMEDIES: Readonly<Record<MessageKey, Remedy>> = {
  'DX-01': blocks(operator('send_test', 'upload_credential')),
  'DX-02': blocks(operator('check_credential', 'replace_credential', 'use_p8')),
  'DX-03': warns(operator('check_credential', 'replace_credential', 'use_p8')),
  'DX-04': blocks(operator('check_credential', 'compare_key_ids', 'replace_credential')),
  'DX-04.unreadable': blocks(operator('check_credential', 'replace_credential')),
  'DX-05': blocks(operator('check_credential', 'set_clock')),
  'DX-06': delays(operator('send_test', 'report_defect')),
  'DX-07': blocks(operator('send_test', 'compare_bundle_id')),
  'DX-07.refused': blocks(operator('send_test', 'compare_bundle_id')),
  'DX-08': blocks(operator('check_credential', 'upload_other_environment')),
  'DX-09': blocks(operator('send_test', 'upload_project_account')),
  'DX-10': blocks(operator('check_credential', 'enable_fcm', 'check_again', 'replace_credential')),
  'DX-11': blocks(operator('send_test', 'upload_key_to_firebase')),
  'DX-12': blocks(developer('open_app', 'subscribe_again')),
  'DX-12.refused': blocks(operator('check_credential', 'replace_credential')),
  'DX-13': delays(operator('check_credential', 'open_firewall')),
  'DX-14': blocks(operator('check_credential', 'set_up_huawei')),

  'DX-20': blocks(operator('send_test', 'check_condition', 'send_to_device')),
  'DX-20.part': blocks(operator('send_test', 'check_condition', 'send_to_device')),
  'DX-20.named': blocks(operator('send_test', 'send_to_device')),
  'DX-21': blocks(operator('compute_segment', 'compute_segment', 'make_segment_live')),
  'DX-22': blocks(operator('compute_segment', 'compute_segment')),
  'DX-22.running': delays(operator('diagnose_again', 'wait')),
  'DX-23': blocks(developer('diagnose_again', 'log_in', 'send_to_device')),
  'DX-23.unknown': blocks(developer('diagnose_again', 'log_in', 'check_identifier')),
  'DX-24': blocks(operator(null, 'send_again')),
  'DX-25': blocks(nobody('send_test', 'by_design')),
  'DX-26.paused': delays(operator('diagnose_again', 'resume_message')),
  'DX-26.cancelled': blocks(operator(null, 'send_anew')),
  'DX-26.recalled': blocks(nobody(null, 'by_design')),
  'DX-26.expired': blocks(operator(null, 'lengthen_ttl')),
  'DX-27': blocks(operator(null, 'send_to_all_devices')),
  'DX-28': blocks(nobody(null, 'by_design')),
  'DX-29.scheduled': delays(nobody('diagnose_again', 'wait')),
  'DX-29.pending': delays(nobody('diagnose_again', 'wait')),
  'DX-29.clock': delays(nobody('diagnose_again', 'wait')),
  'DX-29.passed': blocks(nobody(null, 'by_design')),
  'DX-29.winner': delays(nobody('diagnose_again', 'wait')),
  'DX-30': blocks(operator('diagnose_again', 'choose_app')),

  'DX-31.device': blocks(user('open_app', 'open_app', 'check_identifier')),
  'DX-31.token': blocks(user('open_app', 'open_app', 'check_identifier')),
  'DX-31.user': blocks(developer('open_app', 'log_in', 'check_identifier')),
  'DX-32': blocks(user('open_app', 'update_app')),
  'DX-33': blocks(developer('open_app', 'open_app', 'call_register')),
  'DX-33.then': blocks(operator(null, 'send_again')),
  'DX-34': blocks(developer('open_app', 'open_app', 'call_register')),
  'DX-34.entitlement': blocks(developer('open_app', 'add_entitlement')),
  'DX-34.simulator': blocks(developer('open_app', 'use_real_device')),
  'DX-34.network': blocks(user('open_app', 'try_other_network', 'reinstall_app')),
  'DX-34.services': blocks(user('open_app', 'update_play_services')),
  'DX-34.permission': blocks(user('open_app', 'allow_notifications')),
  'DX-35': blocks(developer('open_app', 'call_register', 'try_other_network')),
  'DX-36': blocks(developer('open_app', 'send_token_unchanged')),
  'DX-37.apns': blocks(user('open_app', 'open_app', 'reinstall_app')),
  'DX-37.apns_told': blocks(user('open_app', 'open_app', 'reinstall_app')),
  'DX-37.fcm': blocks(user('open_app', 'open_app', 'reinstall_app')),
  'DX-37.webpush': blocks(user('open_app', 'open_app')),
  'DX-37.hms': blocks(user('open_app', 'open_app', 'reinstall_app')),
  'DX-37.aged': blocks(user('open_app', 'open_app', 'reach_otherwise')),
  'DX-37.held': warns(operator('send_test', 'decide_alert')),
  'DX-38': blocks(operator('open_app', 'open_app', 'allow_inactive', 'reach_otherwise')),
  'DX-38.silent': warns(user('open_app', 'open_app', 'reach_otherwise')),
  'DX-39': blocks(nobody('send_test', 'use_newest_token')),
  'DX-39.asked': warns(nobody('send_test', 'use_newest_token')),
  'DX-40': blocks(developer('open_app', 'fix_environment', 'upload_other_environment')),
  'DX-40.all': blocks(operator('send_test', 'upload_other_environment', 'fix_environment')),
  'DX-40.corrected': warns(developer('send_test', 'fix_environment')),
  'DX-41': blocks(developer('open_app', 'send_token_unchanged', 'open_app')),
  'DX-41.doubted': warns(user('send_test', 'open_app')),
  'DX-42': blocks(nobody('open_app', 'by_design', 'open_app')),
  'DX-43': blocks(nobody(null, 'by_design', 'log_in')),
  'DX-44': blocks(developer('open_app', 'call_register')),
  'DX-44.same': blocks(developer('open_app', 'send_token_unchanged')),

  'DX-45.denied': blocks(user('open_app', 'allow_notifications')),
  'DX-45.not_asked': blocks(developer('open_app', 'ask_for_permission')),
  'DX-45.provisional': mutes(developer('send_test', 'ask_for_permission')),
  'DX-46': mutes(user('send_test', 'allow_parts')),
  'DX-47': blocks(developer('open_app', 'request_post_notifications')),
  'DX-48': mutes(user('send_test', 'turn_on_channel')),
  'DX-48.unknown': mutes(developer('send_test', 'create_channel')),
  'DX-48.some': warns(user('send_test', 'turn_on_channel')),
  'DX-49.some': warns(user(null, 'by_design')),
  'DX-49.unregistered': blocks(developer('open_app', 'register_again')),
  'DX-49.category': blocks(user(null, 'by_design')),
  'DX-50': mutes(developer('send_test', 'set_foreground_policy')),
  'DX-51': delays(user('send_test', 'allow_background', 'open_app')),
  'DX-52': mutes(operator('send_test', 'raise_level')),
  'DX-52.summary': mutes(operator('send_test', 'raise_level')),

  'DX-55': blocks(operator(null, 'mark_transactional', 'change_cap')),
  'DX-55.now': blocks(operator(null, 'mark_transactional', 'change_cap')),
  'DX-56.dropped': blocks(operator(null, 'mark_transactional', 'change_quiet_hours')),
  'DX-56.waits': delays(operator('diagnose_again', 'wait', 'mark_transactional')),
  'DX-56.expired': blocks(operator(null, 'lengthen_ttl', 'mark_transactional')),
  'DX-56.now': delays(operator('diagnose_again', 'wait', 'mark_transactional')),
  'DX-56.now_dropped': blocks(operator('diagnose_again', 'mark_transactional', 'change_quiet_hours')),
  'DX-57': delays(operator('diagnose_again', 'wait', 'raise_rate')),
  'DX-57.quota': delays(operator('diagnose_again', 'wait', 'raise_quota')),
  'DX-58': blocks(operator('send_test', 'classify_message')),
  'DX-59': blocks(operator('send_test', 'set_text')),
  'DX-59.silent': blocks(operator('send_test', 'set_text')),

  'DX-59.inbox': blocks(nobody(null, 'by_design')),

  'DX-61': blocks(operator('send_test', 'shorten_content')),
  'DX-62': blocks(operator('send_test', 'correct_option')),
  'DX-63': blocks(operator('send_test', 'correct_option')),
  'DX-64': blocks(operator('send_test', 'give_default')),
  'DX-64.failed': blocks(operator('send_test', 'give_default')),
  'DX-65': mutes(operator('send_test', 'use_https_image')),
  'DX-66': mutes(operator('send_test', 'correct_image')),
  'DX-66.device': mutes(operator('send_test', 'correct_image')),
  'DX-67': mutes(developer('send_test', 'add_extension', 'update_app')),

  'DX-67.old': mutes(user('send_test', 'update_app', 'add_extension')),

  'DX-70': delays(operator('diagnose_again', 'wait', 'send_less')),
  'DX-70.gave_up': blocks(operator('send_test', 'send_less', 'lengthen_ttl')),
  'DX-71': delays(nobody('diagnose_again', 'wait', 'check_gateway_status')),
  'DX-71.gave_up': blocks(operator('send_test', 'check_gateway_status', 'lengthen_ttl')),
  'DX-72': warns(operator('send_test', 'check_device')),
  'DX-73': delays(operator('diagnose_again', 'check_workers')),

  'DX-80': blocks(operator('send_test', 'lengthen_ttl')),
  'DX-81': blocks(operator(null, 'by_design', 'change_collapse_key')),
  'DX-82': delays(user('diagnose_again', 'turn_on_device')),
  'DX-83': delays(operator('send_test', 'send_less', 'allow_background')),
  'DX-83.deleted': blocks(operator('send_test', 'send_less')),
  'DX-84': delays(operator('send_test', 'use_alert')),
  'DX-85': delays(developer('send_test', 'compare_production')),
  'DX-86': blocks(operator(null, 'track_uninstalls', 'reach_otherwise')),
  'DX-87': mutes(developer('send_test', 'check_display')),
  'DX-88': mutes(developer('send_test', 'report_receipts')),
  'DX-88.never': mutes(developer('send_test', 'report_receipts')),
  'DX-89': mutes(developer('send_test', 'check_link')),
}
