import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'ledger'> = {
  registered: 'Registrado',
  'registered.said':
    'O app registrou {address, select, apns {um token da Apple} fcm {um token do Google} webpush {uma assinatura de navegador} hms {um token da Huawei} other {um endereço}}{environment, select, none {} other { para {environment}}}.',
  active: 'Ativo',
  'active.said': 'Em uso desde {day}.',
  refreshed: 'Renovado',
  'refreshed.said':
    'O app registrou {kind, select, subscription {a mesma assinatura} other {o mesmo token}} de novo: ainda está em uso.',
  confirmed: 'Confirmado',
  'confirmed.said':
    'O app registrou {kind, select, subscription {esta assinatura} other {este token}} de novo, o que encerra a suspeita.',
  restored: 'Restaurado',
  'restored.said':
    'O app {how, select, opened {foi aberto} other {se registrou}} de novo, então este dispositivo pode ser alcançado outra vez{former, select, none {} other {; o estado anterior {kind, select, subscription {desta assinatura} other {deste token}} era {former}}}.',
  superseded: 'Substituído',
  'superseded.said':
    'O dispositivo tem {kind, select, subscription {uma assinatura mais nova} other {um token mais novo}}, então este endereço não é mais usado.',
  moved: 'Movido',
  'moved.said':
    'Outro dispositivo registrou {kind, select, subscription {esta assinatura} other {este token}}, que agora pertence a ele.',
  suspect: 'Suspeito',
  'suspect.then': 'Um sinal não é prova: ainda se envia a ele, e a próxima resposta decide.',
  quarantined: 'Em quarentena',
  'quarantined.then': 'Nada é enviado a ele até o app registrá-lo de novo.',
  dead: 'Morto',
  'dead.since': 'Não era válido desde {day}.',
  unregistered: 'Descadastrado',
  'unregistered.said': 'Em {day} o dispositivo pediu para não receber mais envios.',
  'speaker.apns': 'A Apple',
  'speaker.fcm': 'O Google',
  'speaker.webpush': 'O serviço de push do navegador',
  'speaker.hms': 'A Huawei',
  'speaker.other': 'O gateway',
  'say.gone':
    '{speaker} disse em {day} que {kind, select, subscription {esta assinatura} other {este token}} não existe mais.',
  'say.expired':
    '{speaker} disse em {day} que {kind, select, subscription {esta assinatura} other {este token}} expirou.',
  'say.invalid':
    '{speaker} disse em {day} que {kind, select, subscription {esta assinatura} other {este token}} não é mais {kind, select, subscription {válida} other {válido}}.',
  'say.unknown':
    '{speaker} disse em {day} que não conhece {kind, select, subscription {esta assinatura} other {este token}}{environment, select, none {} other { em {environment}}}.',
  'say.otherApp':
    '{speaker} disse em {day} que {kind, select, subscription {esta assinatura} other {este token}} pertence a outro app.',
  'say.otherProject':
    '{speaker} disse em {day} que {kind, select, subscription {esta assinatura} other {este token}} pertence a outro projeto do Firebase.',
  'say.otherKey':
    '{speaker} disse em {day} que {kind, select, subscription {esta assinatura} other {este token}} foi {kind, select, subscription {criada} other {criado}} com outra chave VAPID.',
  'say.noAddress':
    '{speaker} disse em {day} que este não é {kind, select, subscription {uma assinatura que ele emitiu} other {um token que ele emitiu}}.',
  'say.other': '{speaker} respondeu {reason} em {day}.',
  'own.not_heard_of':
    'Por tanto tempo nada se soube deste dispositivo que {kind, select, subscription {sua assinatura foi abandonada} other {seu token foi abandonado}}.',
  'own.inactive':
    'O app não foi aberto neste dispositivo por tanto tempo que {kind, select, subscription {sua assinatura foi posta} other {seu token foi posto}} de lado. A próxima abertura o traz de volta.',
  'own.expired':
    '{kind, select, subscription {Esta assinatura} other {Este token}} passou do prazo definido.',
  'own.mass_failure_guard':
    'Tantos foram recusados de uma vez que a falha pode ser nossa; {kind, select, subscription {esta assinatura} other {este token}} está em espera, não encerrado.',
  'own.other': 'Registrado em {day}: {reason}.',
  noReason: 'Nenhum motivo foi registrado em {day}.',
  'unknown.said': 'Registrado como “{event}”{reason, select, none {} other {, com o motivo “{reason}”}}.',
}
