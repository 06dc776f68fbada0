import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'alerts'> = {
  since: 'desde <ago></ago>',
  deaths_held:
    '{held, plural, one {# endereço foi dado como morto e ficou retido} other {# endereços foram dados como mortos de uma vez e ficaram retidos}}',
  'deaths_held.todo':
    'Verifique se a credencial é a certa e se o gateway está bem. Depois encerre esses endereços ou mantenha-os.',
  wrong_credential: 'Há endereços de outro app ou projeto',
  'wrong_credential.todo':
    'Coloque a credencial do app certo no lugar dela e descubra de que versão vêm esses endereços.',
  address_flapping: 'Dispositivos tomam um endereço uns dos outros',
  'address_flapping.todo':
    'Deixe cada instalação criar seu próprio id de hardware e nunca o restaure de um backup.',
  webhook_disabled: 'Um webhook foi desligado porque nada recebeu por dias',
  'webhook_disabled.todo': 'Conserte o receptor, ligue-o de novo e reenvie o que ele perdeu.',
  death_rate: 'Morrem muito mais endereços que o normal',
  'death_rate.todo':
    'Veja as remoções por dia e motivo. Uma nova versão ou projeto pode explicar; o que foi engano pode ser desfeito.',
  mass_inactive: 'Muitíssimos dispositivos ficaram inativos em um dia',
  'mass_inactive.todo':
    'Veja se o app ainda informa que é aberto e se o limite é o que você queria. As remoções podem ser desfeitas.',
  quota: 'Mensagens esperam pela cota do projeto Firebase',
  'quota.todo': 'Peça ao Google uma cota maior ou distribua as campanhas ao longo do dia.',
  queue_age: 'Mensagens já deviam ter saído e não são enviadas',
  'queue_age.todo':
    'Veja se um servidor com o papel “send” está rodando e alcança o banco de dados. Se estiver, acrescente outro.',
  credential_expiring: 'Um certificado vence em breve ou já venceu',
  'credential_expiring.todo':
    'Substitua-o no lugar dele; nenhum app precisa ser publicado de novo. Uma chave .p8 nunca vence.',
  credential_refused: 'Um gateway recusa uma credencial',
  'credential_refused.todo': 'Substitua-a no lugar dela; o que espera por ela é enviado sozinho.',
  message_incident: 'Grande parte de uma mensagem não chegou por um só motivo',
  'message_incident.todo':
    'O relatório dela diz o motivo e como resolver. Depois envie de novo a quem ela não chegou.',
}
